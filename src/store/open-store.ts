import type { StoreSettings } from "../config/definition.ts";
import { FileStore } from "./file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Store, StoreWarning } from "./store.ts";

/** Opens the store that the configuration names. @throws StoreError where it cannot be used */
export async function openStore(settings: StoreSettings, warn: StoreWarning): Promise<Store> {
  return settings.type === "memory" ? new MemoryStore() : FileStore.open({ directory: settings.directory, warn });
}
