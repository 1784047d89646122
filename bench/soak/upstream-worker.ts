/** The service on a thread of its own, so that what it takes to send much delays nobody who measures. */
import { parentPort, workerData } from "node:worker_threads";
import { startUpstream } from "./upstream.ts";

const sent = new Float64Array(workerData as SharedArrayBuffer);
const upstream = await startUpstream((bytes) => {
  sent[0]! += bytes;
});
parentPort!.on("message", () => {
  upstream.close();
  parentPort!.close();
});
parentPort!.postMessage(upstream.port);
