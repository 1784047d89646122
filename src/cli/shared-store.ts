/** The Redis that a command is about: named by a configuration, or by its address. */
import { resolve } from "node:path";
import type { OwnAddresses } from "../config/bootstrap-checks.ts";
import type { RedisSettings } from "../config/definition.ts";
import { loadConfiguration } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { ownAddresses } from "../config/shared.ts";
import type { RedisStore as OpenRedisStore } from "../store/redis/redis-store.ts";
import type { SharedDocument } from "../store/shared-document.ts";
import type { CliIo } from "./args.ts";
import { NoStore, type StoreChoice } from "./store-choice.ts";

export interface SharedStore {
  readonly store: OpenRedisStore;
  readonly document: SharedDocument;
  /** Of the sidecar whose configuration was given. */
  readonly own: OwnAddresses | null;
}

/** @throws NoStore */
export async function openSharedStore(choice: StoreChoice, io: CliIo): Promise<SharedStore> {
  const { settings, own } = choice.store === undefined ? await fromConfiguration(choice, io) : { settings: fromUrl(choice.store, choice.namespace ?? "default", io), own: null };
  // The client is loaded only by those who use it.
  const { RedisStore } = await import("../store/redis/redis-store.ts");
  const { RedisSharedDocument } = await import("../store/redis/shared-document.ts");
  let complaint = "";
  const store = await RedisStore.open({ settings, warn: (message) => (complaint = `: ${message.replace(/^Redis: /, "")}`) });
  if (!store.reachable) {
    await store.close();
    throw new NoStore(`Redis cannot be reached${complaint}`, true);
  }
  return { store, document: new RedisSharedDocument(store), own };
}

async function fromConfiguration({ config, namespace }: StoreChoice, io: CliIo): Promise<{ readonly settings: RedisSettings; readonly own: OwnAddresses }> {
  if (namespace !== undefined) throw new NoStore("--namespace belongs to --store: a configuration names its own");
  const loaded = await loadConfiguration(resolve(io.cwd, config ?? "ebbgate.yaml"), io.env);
  if (!loaded.ok) throw new NoStore(loaded.problems.map(formatProblem).join("\n"));
  const { bootstrap } = loaded.value;
  if (bootstrap.store.type !== "redis") throw new NoStore(`${config ?? "ebbgate.yaml"} has a ${bootstrap.store.type} store, which is nobody's but its sidecar's: its dynamic document is a file that is watched, so edit that`);
  return { settings: bootstrap.store, own: ownAddresses(bootstrap) };
}

function fromUrl(text: string, namespace: string, io: CliIo): RedisSettings {
  const usage = "--store is redis://[user@]host:port[/database], or rediss:// with TLS";
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === "") throw new NoStore(usage);
  if (url.password !== "") throw new NoStore("a password on the command line is seen by every user of the machine: put it into EBBGATE_STORE_PASSWORD");
  const database = Number(url.pathname.slice(1) || "0");
  if (!Number.isInteger(database) || database < 0) throw new NoStore(usage);
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/.test(namespace)) throw new NoStore("--namespace has letters, digits, '.', '_' and '-', and begins and ends with a letter or digit");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return {
    type: "redis", namespace, servers: { kind: "single", address: { host, port: Number(url.port || "6379") } },
    username: url.username === "" ? null : decodeURIComponent(url.username), password: io.env["EBBGATE_STORE_PASSWORD"] ?? null, database,
    tls: url.protocol === "rediss:" ? { ca: null, certificate: null, key: null, serverName: null } : null,
    commandTimeoutMs: 2_000, replicas: 0, cacheDirectory: io.cwd, audit: { recordsMax: 10_000, directory: io.cwd },
  };
}
