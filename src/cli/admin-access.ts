/** Where the admin API is and how it is spoken to: from the command line and the environment, where no secret is on the command line. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseDuration } from "../core/duration.ts";
import { AdminClient, AdminError, isLoopback } from "./admin-client.ts";
import { type CliIo, exitCodes } from "./args.ts";
import { caller } from "./caller.ts";

export const adminOptions = {
  admin: { type: "string", value: "URL", help: "A sidecar's admin API (default: EBBGATE_ADMIN, or http://127.0.0.1:9901)." },
  "token-file": { type: "string", value: "FILE", completes: "file", help: "A file that holds the token, instead of EBBGATE_TOKEN." },
  ca: { type: "string", value: "FILE", completes: "file", help: "Who has to have signed the admin API's certificate, PEM, instead of the system's authorities." },
  "client-cert": { type: "string", value: "FILE", completes: "file", help: "A client certificate, PEM; with --client-key." },
  "client-key": { type: "string", value: "FILE", completes: "file", help: "Its private key, PEM." },
  timeout: { type: "string", value: "DURATION", help: "How long an answer is waited for (default 10s)." },
  "plain-http": { type: "boolean", help: "Send a token over http:// to another machine all the same: everybody in between can read it." },
} as const;

export interface AdminChoice {
  readonly admin?: string | undefined;
  readonly "token-file"?: string | undefined;
  readonly ca?: string | undefined;
  readonly "client-cert"?: string | undefined;
  readonly "client-key"?: string | undefined;
  readonly timeout?: string | undefined;
  readonly "plain-http"?: boolean;
}

/**
 * Whether a command that can read a store is to ask a sidecar instead: where `--admin` says so, or EBBGATE_ADMIN does and nothing on the command line names a store.
 * @throws AdminError where both are named
 */
export function asksAdmin(values: AdminChoice & { readonly store?: string | undefined; readonly config?: string | undefined; readonly namespace?: string | undefined; readonly file?: string | undefined }, io: CliIo): boolean {
  const place = (["store", "config", "namespace", "file"] as const).find((option) => values[option] !== undefined);
  const word = (["admin", "token-file", "ca", "client-cert", "client-key"] as const).find((option) => values[option] !== undefined);
  if (place !== undefined && word !== undefined) throw new AdminError(`--${word} belongs to the admin API, and --${place} goes past it: give one of them`, exitCodes.usage);
  return word !== undefined || (place === undefined && (io.env["EBBGATE_ADMIN"] ?? "") !== "");
}

export interface AdminAccess {
  readonly url: URL;
  readonly token: string | null;
  readonly user: string;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly timeoutMs: number;
}

/** @throws AdminError */
export async function adminClient(choice: AdminChoice, io: CliIo): Promise<AdminClient> {
  const usage = (message: string): AdminError => new AdminError(message, exitCodes.usage);
  const from = choice.admin === undefined ? "EBBGATE_ADMIN" : "--admin";
  const written = choice.admin ?? (io.env["EBBGATE_ADMIN"] || "http://127.0.0.1:9901");
  const url = URL.parse(written);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") throw usage(`${from} is '${written}'; write http://host:port or https://host:port`);
  if (url.username !== "" || url.password !== "") throw usage(`${from} has a password in it, which every user of the machine can see: use EBBGATE_TOKEN or --token-file`);
  const timeoutMs = parseDuration(choice.timeout ?? "10s");
  if (timeoutMs === undefined || timeoutMs === 0) throw usage(`--timeout is '${choice.timeout}'; write a duration, as 500ms, 5s or 1m`);
  if ((choice["client-cert"] === undefined) !== (choice["client-key"] === undefined)) throw usage("--client-cert and --client-key belong together");
  const read = async (option: "token-file" | "ca" | "client-cert" | "client-key"): Promise<string | undefined> => {
    const file = choice[option];
    if (file === undefined) return undefined;
    return readFile(resolve(io.cwd, file), "utf8").catch((error: NodeJS.ErrnoException) => Promise.reject(new AdminError(`--${option} ${file} cannot be read (${error.code})`, exitCodes.failed)));
  };
  const tls = Object.fromEntries(Object.entries({ ca: await read("ca"), cert: await read("client-cert"), key: await read("client-key") }).filter(([, text]) => text !== undefined));
  const given = (await read("token-file")) ?? io.env["EBBGATE_TOKEN"] ?? "";
  const token = given.trim() === "" ? null : given.trim();
  // What is no header's value would be told by the client in an error that shows the token.
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) throw new AdminError(`${choice["token-file"] === undefined ? "EBBGATE_TOKEN" : choice["token-file"]} holds no token: it is one word of visible ASCII characters`, exitCodes.failed);
  if (token !== null && url.protocol === "http:" && !isLoopback(url.hostname) && choice["plain-http"] !== true) {
    throw usage(`${url.host} would get the token over http://, where everybody in between can read it: use https://, or --plain-http if that is as it should be`);
  }
  return new AdminClient({ url, token, user: caller(io).replace(/[^\x21-\x7e]/g, "?"), tls, timeoutMs });
}

/** @throws AdminError, also of `act` */
export async function usingAdmin<T>(choice: AdminChoice, io: CliIo, act: (client: AdminClient) => Promise<T>): Promise<T> {
  const client = await adminClient(choice, io);
  try {
    return await act(client);
  } finally {
    client.close();
  }
}

/** Runs what needs the admin API; what it could not do is one line and the exit code. */
export async function withAdmin(command: string, choice: AdminChoice, io: CliIo, act: (client: AdminClient) => Promise<number>): Promise<number> {
  try {
    return await usingAdmin(choice, io, act);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    io.stderr.write(`ebbgate ${command}: ${error.message}\n`);
    return error.exit;
  }
}
