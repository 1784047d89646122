import { hostname, userInfo } from "node:os";
import type { CliIo } from "./args.ts";

/** Who asks, for history and audit log. */
export function caller(io: CliIo): string {
  const name = io.env["EBBGATE_USER"] ?? io.env["USER"] ?? userInfo().username;
  return `${name}@${hostname()}`;
}
