import { join } from "node:path";
import type { StoreSettings } from "../config/definition.ts";
import { CachedStore } from "./cached-store.ts";
import { DiskCache } from "./disk-cache.ts";
import { FileStore } from "./file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import type { SharedDocument } from "./shared-document.ts";
import type { Store, StoreWarning } from "./store.ts";

export interface OpenedStore {
  readonly store: Store;
  /** What only a store has that several sidecars share. */
  readonly shared: { readonly document: SharedDocument; readonly cache: DiskCache } | null;
}

/** Opens the store that the configuration names. @throws StoreError where it cannot be used; a Redis that is away is tried again */
export async function openStore(settings: StoreSettings, warn: StoreWarning): Promise<OpenedStore> {
  if (settings.type === "memory") return { store: new MemoryStore(), shared: null };
  if (settings.type === "file") return { store: await FileStore.open({ directory: settings.directory, warn }), shared: null };
  // The client is loaded only by those who use it.
  const { RedisStore } = await import("./redis/redis-store.ts");
  const { RedisSharedDocument } = await import("./redis/shared-document.ts");
  const redis = await RedisStore.open({ settings, warn });
  const cache = await DiskCache.open(join(settings.cacheDirectory, "cache", settings.namespace), warn);
  const { keepAuditBounded } = await import("./redis/audit-archiver.ts");
  const end = keepAuditBounded(redis, join(settings.audit.directory, settings.namespace), settings.audit.recordsMax, `process ${process.pid}`, warn);
  return { store: new CachedStore(redis, cache, end), shared: { document: new RedisSharedDocument(redis), cache } };
}
