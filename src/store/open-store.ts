import type { StoreSettings } from "../config/definition.ts";
import { FileStore } from "./file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Store, StoreWarning } from "./store.ts";

/** Opens the store that the configuration names. @throws StoreError where it cannot be used; a Redis that is away is tried again */
export async function openStore(settings: StoreSettings, warn: StoreWarning): Promise<Store> {
  if (settings.type === "memory") return new MemoryStore();
  if (settings.type === "file") return FileStore.open({ directory: settings.directory, warn });
  // The client is loaded only by those who use it.
  const { RedisStore } = await import("./redis/redis-store.ts");
  return RedisStore.open({ settings, warn });
}
