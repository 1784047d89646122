/** What the command line says of a store; what is loaded to open one is in shared-store.ts. */

export const storeOptions = {
  config: { type: "string", short: "c", value: "FILE", completes: "file", help: "A sidecar's bootstrap document, for its store (default ebbgate.yaml)." },
  store: { type: "string", value: "URL", help: "Instead of --config: redis://[user@]host:port[/database], rediss:// with TLS. The password is taken from EBBGATE_STORE_PASSWORD." },
  namespace: { type: "string", value: "NAME", help: "With --store: the fleet's namespace (default default)." },
} as const;

export interface StoreChoice {
  readonly config?: string | undefined;
  readonly store?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Why a command cannot go on, and its exit code's name. */
export class NoStore extends Error {
  readonly unreachable: boolean;
  constructor(message: string, unreachable = false) {
    super(message);
    this.unreachable = unreachable;
  }
}
