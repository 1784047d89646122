/** Accepts downstream connections on one address. Every proxy thread listens on the same ones (SO_REUSEPORT). */
import net from "node:net";
import type { ListenerSettings } from "../config/settings.ts";
import { makeForwarding } from "../http1/forward-head.ts";
import { threadCounters } from "../observe/layout.ts";
import { DownstreamConnection } from "./connection.ts";
import type { ProxyContext } from "./context.ts";

export interface Listener {
  /** The port that was bound, for port 0. */
  readonly port: number;
  /** Stops accepting; connections go on. */
  close(): void;
}

const backlog = 4096;

/**
 * @param shared whether other threads listen on the same port
 * @throws the bind's error (EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTSUP where the platform has no SO_REUSEPORT)
 */
export function openListener(context: ProxyContext, settings: ListenerSettings, shared: boolean): Promise<Listener> {
  const trusted = blockList(settings.trustedPeers);
  const trusts = (text: string): boolean => net.isIP(text) !== 0 && trusted.check(text, net.isIPv6(text) ? "ipv6" : "ipv4");
  const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    accept(context, socket, trusts);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: settings.host, port: settings.port, backlog, reusePort: shared }, () => {
      server.off("error", reject);
      // A failing accept (out of descriptors) must not end the process.
      server.on("error", () => context.count(threadCounters.connectionsRefused, 1));
      resolve({ port: (server.address() as net.AddressInfo).port, close: () => void server.close() });
    });
  });
}

function accept(context: ProxyContext, socket: net.Socket, trusts: (address: string) => boolean): void {
  const address = socket.remoteAddress;
  if (address === undefined || context.connections.size >= context.limits.connectionsMax) {
    context.count(threadCounters.connectionsRefused, 1);
    socket.on("error", () => {});
    socket.destroy();
    return;
  }
  context.count(threadCounters.connectionsAccepted, 1);
  const clientIp = address.startsWith("::ffff:") ? address.slice(7) : address;
  // The connection registers itself with the context, which holds it from here on.
  void new DownstreamConnection(context, socket, clientIp, makeForwarding(clientIp, "http", trusts, context.viaName));
}

/** @param entries addresses or CIDR blocks, checked by the configuration */
export function blockList(entries: readonly string[]): net.BlockList {
  const list = new net.BlockList();
  for (const entry of entries) {
    const slash = entry.indexOf("/");
    const address = slash < 0 ? entry : entry.slice(0, slash);
    const family = net.isIPv6(address) ? "ipv6" : "ipv4";
    if (slash < 0) list.addAddress(address, family);
    else list.addSubnet(address, Number(entry.slice(slash + 1)), family);
  }
  return list;
}
