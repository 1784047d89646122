import { tmpdir } from "node:os";
import { join } from "node:path";

/** Hundreds of processes of ours start: what the first one compiled, the others load. Keyed by content, and never stale. */
export const compileCache = join(tmpdir(), "ebbgate-test-compile-cache");
