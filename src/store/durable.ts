import { type FileHandle, link, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** The error code of a failed system call, or an empty string. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** @returns undefined where the file does not exist */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Replaces a file so that a crash at any moment leaves the old text or the new one, never a part. What was there stays
 * beside it as `previous`: a second name for the same bytes, given before the new text takes the first name.
 */
export async function replaceFile(path: string, previous: string, text: string, placed?: () => void): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(previous, { force: true });
  await link(path, previous).catch((error: unknown) => {
    if (systemCode(error) !== "ENOENT") throw error;
  });
  await rename(temporary, path);
  placed?.();
  await syncDirectory(dirname(path));
}

/** A name is durable only when its directory is (fsync(2), NOTES). */
export async function syncDirectory(directory: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(directory, "r");
    await handle.sync();
  } catch (error) {
    // Windows has no directory handles to sync; its renames are journalled.
    if (process.platform !== "win32") throw error;
  } finally {
    await handle?.close();
  }
}
