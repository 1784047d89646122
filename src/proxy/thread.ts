/** The entry of a proxy thread: the data plane, put together. */
import { parentPort, workerData } from "node:worker_threads";
import type { Snapshot } from "../config/snapshot.ts";
import { AccessLog } from "../core/access-log.ts";
import { LogDestination } from "../core/log.ts";
import { systemRandom } from "../core/random.ts";
import { pageBytes, threadCounters } from "../observe/layout.ts";
import { reportFaults } from "./byte-socket.ts";
import { ProxyContext } from "./context.ts";
import { drain } from "./drain.ts";
import { EndpointBook } from "./endpoint-book.ts";
import { guardAdmin } from "./endpoint-lookup.ts";
import { granted } from "./forward.ts";
import { openListener, type Listener } from "./listener.ts";
import type { FromThread, ThreadStart, ToThread } from "./messages.ts";
import { compileRuntime, RecorderBook } from "./runtime.ts";
import { changed } from "./snapshot-change.ts";
import { Tracer } from "./tracing.ts";
import { UpstreamConnection } from "./upstream.ts";
import { withdrawWaiting } from "./withdraw.ts";
import { sweep, sweepIntervalMs } from "./sweep.ts";

const rehearsals = 5;
const start = workerData as ThreadStart;
const { settings, thread } = start;
const port = parentPort!;
const say = (message: FromThread): void => port.postMessage(message);

guardAdmin(settings.admin ?? null);
const accessLog = settings.accessLog.enabled
  ? new AccessLog({ destination: new LogDestination(), sample: settings.accessLog.sample, thread, onDropped: (lines) => context.count(threadCounters.accessLogDropped, lines) })
  : null;
const context = new ProxyContext({ limits: settings.limits, viaName: settings.viaName, accessLog, random: systemRandom, page: start.pages[0]!, thread });
context.granted = granted;
context.mirror = (sample) => say({ type: "mirror", sample });
const tracer = settings.tracing === null ? null : new Tracer({ settings: settings.tracing, random: systemRandom, send: (spans) => say({ type: "spans", spans }), dropped: (spans) => context.count(threadCounters.spansDropped, spans) });
context.tracer = tracer;
const endpoints = new EndpointBook(context, (endpoint) => new UpstreamConnection(endpoint));
const recorders = new RecorderBook(thread);
const listeners: Listener[] = [];
/** What the next change is a change of. */
let held: Snapshot | null = null;
reportFaults((error) => {
  context.countRefusal("internal");
  say({ type: "fault", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) });
});
const sweeper = setInterval(() => {
  sweep(context, endpoints);
  tracer?.flush();
}, sweepIntervalMs);

port.on("message", (message: ToThread) => {
  switch (message.type) {
    case "snapshot":
      adopt(changed(message.change, held), message.pages);
      return;
    case "edges":
      recorders.existing(message.slot)?.setEdges(message.edges);
      return;
    case "health":
      endpoints.setHealth(message.endpoint, message.healthy);
      return;
    case "mirrored":
      context.mirrorsWaiting--;
      return;
    case "spansHeard":
      tracer?.heard(message.spans);
      return;
    case "drain":
      void stop();
      return;
  }
});

function adopt(snapshot: Snapshot, pages: readonly SharedArrayBuffer[]): void {
  held = snapshot;
  context.runtime = compileRuntime(snapshot, pages, recorders, endpoints, settings.region, context.runtime);
  withdrawWaiting(context, snapshot);
  say({ type: "acknowledged", revision: snapshot.revision });
}

async function stop(): Promise<void> {
  const cut = await drain(context, listeners);
  clearInterval(sweeper);
  for (const endpoint of endpoints.all()) endpoint.retire();
  tracer?.flush();
  await accessLog?.flush();
  say({ type: "drained", cut });
  port.close();
}

/** With books and a page of its own: nothing of it is left. */
function rehearse(snapshot: Snapshot): void {
  const book = new EndpointBook(context, (endpoint) => new UpstreamConnection(endpoint));
  const page = new SharedArrayBuffer(pageBytes(start.threads));
  for (let pass = 0; pass < rehearsals; pass++) compileRuntime(snapshot, [page], new RecorderBook(thread), book, settings.region);
}

async function listen(): Promise<void> {
  if (start.rehearsal !== null) rehearse(start.rehearsal);
  if (start.snapshot !== null) adopt(start.snapshot, start.pages);
  try {
    for (const settingsOfOne of settings.listeners) listeners.push(await openListener(context, settingsOfOne, start.threads > 1));
    say({ type: "listening", listeners: settings.listeners.map(({ name, host }, i) => ({ name, host, port: listeners[i]!.port })) });
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    say({ type: "failed", code, detail: message });
    clearInterval(sweeper);
    port.close();
  }
}

void listen();
