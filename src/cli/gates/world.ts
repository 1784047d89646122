/** What a gates command is about: the dynamic document, and what the store knows, read beside whoever runs on it. */
import { resolve } from "node:path";
import { loadConfiguration } from "../../config/load.ts";
import type { DynamicConfiguration, StoreSettings } from "../../config/definition.ts";
import { formatProblem } from "../../config/problem.ts";
import { parseShared } from "../../config/shared.ts";
import { readDocument } from "../../store/read-document.ts";
import type { Store, StoredDocument } from "../../store/store.ts";
import type { CliIo } from "../args.ts";
import { openSharedStore, type SharedStore } from "../shared-store.ts";
import { NoStore, type StoreChoice } from "../store-choice.ts";

export interface GateWorld {
  readonly dynamic: DynamicConfiguration;
  /** Of the sidecar whose configuration was given; null: it has none, or no sidecar is meant. */
  readonly region: string | null;
  readonly get: (key: string) => Promise<StoredDocument | undefined>;
  /** A store that several sidecars share. */
  readonly shared: Store | null;
  /** A store that is a directory. */
  readonly directory: string | null;
  readonly place: string;
  close(): Promise<void>;
}

/** @throws NoStore */
export async function openGateWorld(choice: StoreChoice, io: CliIo): Promise<GateWorld> {
  if (choice.store !== undefined) return fromShared(await openSharedStore(choice, io), null, null);
  const loaded = await loadConfiguration(resolve(io.cwd, choice.config ?? "ebbgate.yaml"), io.env);
  if (!loaded.ok) throw new NoStore(loaded.problems.map(formatProblem).join("\n"));
  const { bootstrap: { store, identity }, dynamic, shared } = loaded.value;
  if (store.type === "redis") return fromShared(await openSharedStore(choice, io), shared === true ? null : dynamic, identity.region);
  return { dynamic, region: identity.region, get: (key) => fromDirectory(store, key), shared: null, directory: store.type === "file" ? store.directory : null, place: store.type === "file" ? store.directory : "memory", close: () => Promise.resolve() };
}

/** A memory store is in its process alone: what the document says is all that can be known. */
const fromDirectory = (store: StoreSettings, key: string): Promise<StoredDocument | undefined> => (store.type === "file" ? readDocument(store.directory, key) : Promise.resolve(undefined));

/** @param own the sidecar's own document; null: it is the shared one */
async function fromShared({ store, document }: SharedStore, own: DynamicConfiguration | null, region: string | null): Promise<GateWorld> {
  try {
    const dynamic = own ?? (await sharedDocument(document));
    return { dynamic, region, get: (key) => store.get(key), shared: store, directory: null, place: document.place, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function sharedDocument(document: SharedStore["document"]): Promise<DynamicConfiguration> {
  const found = await document.read(null);
  if (found === undefined || found === "same") throw new NoStore(`${document.place} holds no document yet: publish one with ebbgate apply`);
  const parsed = parseShared(found.text, document.place, null);
  if (!parsed.ok) throw new NoStore(`the document in ${document.place} is not good, and no sidecar takes it:\n${parsed.problems.map(formatProblem).join("\n")}`);
  return parsed.value.dynamic;
}
