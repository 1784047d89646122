import { readFileSync } from "node:fs";

/** Ebbgate's own version: package.json lies one folder above both the sources and the bundle. */
export const version = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
