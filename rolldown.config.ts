import { defineConfig } from "rolldown";

/** The published bundle: the command, and the proxy thread's entry beside it. Dependencies stay outside, as npm installs them. */
export default defineConfig({
  input: { main: "src/main.ts", thread: "src/proxy/thread.ts" },
  platform: "node",
  external: [/^node:/, /^[^./]/],
  output: { dir: "dist", format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js", minify: false, sourcemap: true, cleanDir: true },
});
