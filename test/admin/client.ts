/** A real admin server over a world, and who asks it. */
import { request, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterEach } from "vitest";
import type { Access } from "../../src/admin/access/access.ts";
import { localAccess } from "../../src/admin/access/local-access.ts";
import { AdminServer } from "../../src/admin/server.ts";
import type { AdminSettings } from "../../src/config/settings.ts";
import { world, type World } from "./world.ts";

export const loopback: AdminSettings = { host: "127.0.0.1", port: 0, allowRemoteWithoutTls: false, hostNames: ["gate.internal"] };
const running: AdminServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close(0)));
});

/** It ends with the test. */
export async function start(w: World = world(), settings: AdminSettings = loopback, access: Access = localAccess(settings.host)): Promise<AddressInfo> {
  const server = new AdminServer(settings, w.ports, access, pino({ level: "silent" }));
  running.push(server);
  return server.listen();
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export function ask({ port }: AddressInfo, path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
    });
    sent.on("error", reject).end(body);
  });
}

/** A POST of JSON. */
export const post = (at: AddressInfo, path: string, value: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> =>
  ask(at, path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: typeof value === "string" ? value : JSON.stringify(value) });

export interface Problem {
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly { readonly in: string; readonly field: string; readonly detail: string }[];
}

export const parsed = <T = Record<string, unknown>>(reply: Reply): T => JSON.parse(reply.body) as T;
