import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Bodies repeat these 64 KiB, so that every byte's right value follows from its place. */
export const pattern = Buffer.from(Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

/** Whether `bytes`, which begin at `offset` of a body, are what they must be. */
export function isPattern(bytes: Buffer, offset: number): boolean {
  for (let done = 0; done < bytes.length; ) {
    const from = (offset + done) % pattern.length;
    const length = Math.min(pattern.length - from, bytes.length - done);
    if (bytes.compare(pattern, from, from + length, done, done + length) !== 0) return false;
    done += length;
  }
  return true;
}

export interface Upstream {
  readonly port: number;
  /** Bytes of big bodies handed to the kernel so far. */
  sentBytes(): number;
  close(): void;
}

/** GET /big?mib=N sends N MiB; POST reads a body and answers how much of it was right; everything else is short. */
export async function startUpstream(onSent: (bytes: number) => void = () => undefined): Promise<Upstream> {
  let sentBytes = 0;
  const count = (bytes: number): void => {
    sentBytes += bytes;
    onSent(bytes);
  };
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    const url = new URL(request.url ?? "/", "http://upstream");
    response.on("error", () => response.destroy());
    if (url.pathname === "/big") sendBig(response, Number(url.searchParams.get("mib")) * 1_048_576, count);
    else if (request.method === "POST") void receive(request, response);
    else response.setHeader("content-length", 2).end("ok");
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 }, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sentBytes: () => sentBytes,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The same on a thread of its own. */
export async function startUpstreamThread(): Promise<Upstream> {
  const sent = new SharedArrayBuffer(8);
  const worker = new Worker(new URL("./upstream-worker.ts", import.meta.url), { workerData: sent });
  const [port] = (await once(worker, "message")) as [number];
  return { port, sentBytes: () => new Float64Array(sent)[0]!, close: () => worker.postMessage("close") };
}

function sendBig(response: ServerResponse, bytes: number, count: (bytes: number) => void): void {
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes });
  let sent = 0;
  const send = (): void => {
    while (sent < bytes && !response.destroyed) {
      const part = pattern.subarray(0, Math.min(pattern.length, bytes - sent));
      sent += part.length;
      count(part.length);
      if (!response.write(part)) {
        response.once("drain", send);
        return;
      }
    }
    response.end();
  };
  send();
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  let right = true;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      right &&= isPattern(part, bytes);
      bytes += part.length;
    }
  } catch {
    response.destroy();
    return;
  }
  response.end(JSON.stringify({ bytes, right }));
}
