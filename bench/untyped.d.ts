// The two benchmark dependencies that ship no types: just what is used of them.

declare module "http-proxy" {
  import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from "node:http";
  interface Server {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(event: "proxyReq", listener: (request: ClientRequest) => void): this;
    on(event: "error", listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void): this;
  }
  const httpProxy: { createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): Server };
  export default httpProxy;
}

declare module "autocannon" {
  interface Result {
    /** In seconds. */
    duration: number;
    requests: { total: number; average: number };
    /** In milliseconds. */
    latency: { p50: number; p99: number };
    non2xx: number;
    errors: number;
    timeouts: number;
  }
  interface Options {
    url: string;
    connections: number;
    duration: number;
    requests: readonly { method: string; path: string; headers: Record<string, string> }[];
  }
  export default function autocannon(options: Options): Promise<Result>;
}
