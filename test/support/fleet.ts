/** Sidecars that read their configuration from one Redis, as processes, each with a directory of its own. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { dispatch, type Command } from "../../src/cli/args.ts";
import { capture } from "../cli/capture.ts";
import { type SidecarProcess, Workplace } from "./sidecar.ts";

export class Fleet {
  private readonly places: Workplace[] = [];
  private readonly servers: Server[] = [];

  /** A service that answers with its name. */
  async service(name: string): Promise<string> {
    const server = createServer((_request, response) => void response.end(name));
    this.servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A directory with a sidecar's bootstrap document. */
  place(instance: string, redisPort: number, store: object = {}): Workplace {
    const place = new Workplace();
    this.places.push(place);
    place.writeText(JSON.stringify({
      listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0" }, identity: { instance },
      store: { type: "redis", address: `127.0.0.1:${redisPort}`, namespace: "shop", commandTimeout: "500ms", ...store },
      dynamic: { from: "store" },
    }));
    return place;
  }

  sidecar(instance: string, redisPort: number, store: object = {}): Promise<SidecarProcess> {
    return this.place(instance, redisPort, store).start();
  }

  async clear(): Promise<void> {
    for (const place of this.places) place.clear();
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

/** Runs the command line in this process. */
export async function ebbgate(cwd: string, ...argv: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const commands: Command[] = [
    { name: "apply", summary: "", load: () => import("../../src/cli/apply.ts") },
    { name: "audit", summary: "", load: () => import("../../src/cli/audit.ts") },
    { name: "gates", summary: "", load: () => import("../../src/cli/gates.ts") },
    { name: "rollback-config", summary: "", load: () => import("../../src/cli/rollback-config.ts") },
  ];
  const io = capture({ cwd });
  const code = await dispatch(commands, argv, io, "test");
  return { code, stdout: io.out(), stderr: io.err() };
}
