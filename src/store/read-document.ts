import { join } from "node:path";
import { DocumentFile } from "./document-file.ts";
import type { StoredDocument } from "./store.ts";

/**
 * Reads a document of a store that is a directory, beside the sidecar that has it: nothing is locked, and nothing written. A write that is under way may be in it or not.
 * @throws StoreError `corrupt`
 */
export async function readDocument(directory: string, key: string): Promise<StoredDocument | undefined> {
  const { json, revision } = await new DocumentFile(join(directory, "documents", `${encodeURIComponent(key)}.json`), () => undefined).read();
  return json === null ? undefined : { value: JSON.parse(json) as unknown, revision };
}
