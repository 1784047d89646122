/** A proxy in a process of its own, for tests that measure it: its argument is the endpoint; it sends its port to its parent. */
import { startProxy } from "./proxy.ts";

const [endpoint = ""] = process.argv.slice(2);
const { port } = await startProxy([{ name: "shop", variants: { stable: { endpoints: [endpoint] } } }]);
process.send!(port);
process.once("disconnect", () => process.exit());
