import { defineConfig } from "rolldown";

/** The published bundle: the command, and beside it the proxy thread's and the simulator's entries and the shop that the demo starts. Dependencies stay outside, as npm installs them. */
export default defineConfig({
  input: { main: "src/main.ts", thread: "src/proxy/thread.ts", shop: "examples/shop/main.ts", simulate: "src/cli/simulate/worker.ts" },
  platform: "node",
  external: [/^node:/, /^[^./]/],
  output: { dir: "dist", format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js", minify: false, sourcemap: true, cleanDir: true },
});
