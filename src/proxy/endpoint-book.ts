import type { EndpointAddress, RouteLimits } from "../config/snapshot.ts";
import { Endpoint, type OpenConnection } from "./endpoint.ts";
import type { ProxyContext } from "./context.ts";

/** The endpoints of one thread, by address: connections survive a new snapshot, and routes to one address share them. */
export class EndpointBook {
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly unhealthy = new Set<string>();
  private readonly context: ProxyContext;
  private made = 0;
  private readonly openConnection: OpenConnection;

  constructor(context: ProxyContext, openConnection: OpenConnection) {
    this.context = context;
    this.openConnection = openConnection;
  }

  get(address: EndpointAddress, limits: RouteLimits): Endpoint {
    let endpoint = this.endpoints.get(address.id);
    if (endpoint === undefined) {
      endpoint = new Endpoint(this.context, address, this.made++, this.openConnection);
      endpoint.healthy = !this.unhealthy.has(address.id);
      this.endpoints.set(address.id, endpoint);
    }
    endpoint.connectionsMax = limits.connectionsPerEndpointMax;
    endpoint.pendingMax = limits.pendingPerEndpointMax;
    return endpoint;
  }

  /** What the active health checks say; remembered for endpoints that a later snapshot brings. */
  setHealth(id: string, healthy: boolean): void {
    if (healthy) this.unhealthy.delete(id);
    else this.unhealthy.add(id);
    const endpoint = this.endpoints.get(id);
    if (endpoint !== undefined) endpoint.healthy = healthy;
  }

  /** Lets go of endpoints that the snapshot no longer names: idle connections close, busy ones finish first. */
  keepOnly(named: ReadonlySet<Endpoint>): void {
    for (const [id, endpoint] of this.endpoints) {
      if (named.has(endpoint)) continue;
      this.endpoints.delete(id);
      endpoint.retire();
    }
  }

  all(): IterableIterator<Endpoint> {
    return this.endpoints.values();
  }
}
