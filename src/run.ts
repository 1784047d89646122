/** `ebbgate run`: the sidecar as a process. */
import { resolve } from "node:path";
import { exitCodes, parseArguments, type CliIo } from "./cli/args.ts";
import { loadConfiguration } from "./config/load.ts";
import { formatProblem } from "./config/problem.ts";
import type { Configuration } from "./config/definition.ts";
import { createLog, type Log, LogDestination } from "./core/log.ts";
import { Sidecar } from "./sidecar.ts";
import { systemRandom } from "./core/random.ts";
import { SharedConfiguration } from "./shared-configuration.ts";
import { Inbox, type InboxFolder } from "./store/inbox.ts";
import { openStore, type OpenedStore } from "./store/open-store.ts";
import { StoreError } from "./store/store.ts";
import { version } from "./version.ts";

export const spec = {
  name: "run",
  summary: "Run the sidecar until SIGTERM or SIGINT; SIGHUP reads the configuration again.",
  options: { config: { type: "string", short: "c", value: "FILE", completes: "file", help: "The bootstrap document (default ebbgate.yaml)." } },
  examples: [
    ["ebbgate run --config config/canary.yaml", "with a sample of the package"],
    ["ebbgate run", "with ./ebbgate.yaml"],
  ],
  exits: [
    [0, "stopped by a signal; every request in flight was answered"],
    [1, "the configuration is refused, an address cannot be bound, the store cannot be used, or requests were cut at the drain deadline"],
    [2, "wrong usage"],
  ],
} as const;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const loaded = await loadConfiguration(resolve(io.cwd, args.values.config ?? "ebbgate.yaml"), io.env);
  if (!loaded.ok) {
    for (const problem of loaded.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return exitCodes.failed;
  }
  const { bootstrap } = loaded.value;
  const destination = new LogDestination();
  const log = createLog({ level: bootstrap.logLevel, destination });
  let opened: OpenedStore;
  try {
    opened = await openStore(bootstrap.store, (warning) => log.warn(warning));
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof Error && "code" in error)) throw error;
    io.stderr.write(`ebbgate run: the store cannot be used: ${error.message}\n`);
    return exitCodes.failed;
  }
  const { store } = opened;
  const shared = loaded.value.shared === true && opened.shared !== null ? sharedConfiguration(loaded.value, opened.shared, log) : null;
  const configuration = shared === null ? loaded.value : await shared.first();

  const ended = Promise.withResolvers<"signal" | "lost">();
  const fleet = opened.shared === null ? {} : { fleet: { cache: opened.shared.cache.slot("fleet") } };
  const inbox = bootstrap.store.type === "file" ? { inbox: inboxIn(bootstrap.store.directory, log, "inbox"), commands: inboxIn(bootstrap.store.directory, log, "commands") } : {};
  const sidecar = new Sidecar({ configuration, environment: io.env, store, log, version, ...(shared === null ? {} : { shared }), ...fleet, ...inbox, onLost: () => ended.resolve("lost") });
  const onSignal = (): void => ended.resolve("signal");
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("SIGHUP", () => void sidecar.reload());
  try {
    const { listeners, admin } = await sidecar.start();
    log.info({ listeners: listeners.map(({ host, port }) => `${host}:${port}`), admin: `${admin.host}:${admin.port}`, version }, "Ebbgate is ready.");
  } catch (error) {
    io.stderr.write(`ebbgate run: ${error instanceof Error ? error.message : String(error)}\n`);
    // Threads that are up already would keep the process alive.
    setImmediate(() => process.exit(exitCodes.failed));
    return exitCodes.failed;
  }
  const why = await ended.promise;
  if (why === "lost") {
    await destination.flush();
    // The other threads would serve on, unsupervised: whoever supervises the process starts it anew.
    process.exit(exitCodes.failed);
  }
  log.info("Draining.");
  const cut = await sidecar.stop();
  log.info({ cut }, cut === 0 ? "Stopped; every request was answered." : "Stopped at the drain deadline; requests were cut.");
  await destination.flush();
  return cut === 0 ? exitCodes.ok : exitCodes.failed;
}

const inboxIn = (directory: string, log: Log, folder: InboxFolder) => (take: (message: unknown) => Promise<object | void>): Inbox =>
  new Inbox(directory, take, (error) => log.error({ err: error, folder }, "A message in the store's inbox could not be taken; it is tried again."), folder);

function sharedConfiguration(configuration: Configuration, { document, cache }: NonNullable<OpenedStore["shared"]>, log: Log): SharedConfiguration {
  return new SharedConfiguration({ document, configuration, cache: cache.slot("configuration"), random: systemRandom, warn: (message) => log.warn(message) });
}
