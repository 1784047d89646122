/** Several `ebbgate run` processes of one fleet, on a real Redis, before two small services, with users who count what fails. */
import { once } from "node:events";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { FleetStatus } from "../../src/fleet/status.ts";
import { Workplace, type SidecarProcess, type Status } from "./sidecar.ts";

export interface Service {
  readonly url: string;
  readonly server: Server;
  failing: boolean;
}

export async function service(name: string): Promise<Service> {
  const server = createServer((_request, response) => {
    response.statusCode = self.failing ? 503 : 200;
    response.end(name);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const self: Service = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, failing: false };
  return self;
}

/** Between a user's answer and the next request: enough traffic for a decision, and no load for the machine. */
const pauseMs = 25;

export type FleetProcessStatus = Status & { readonly fleet: FleetStatus };

export class FleetMember {
  readonly name: string;
  readonly place = new Workplace();
  process: SidecarProcess | null = null;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
  failed = 0;
  answered = 0;
  private sending = false;
  private sent: Promise<void> = Promise.resolve();

  constructor(name: string) {
    this.name = name;
  }

  async start(): Promise<void> {
    this.process = await this.place.start();
  }

  async status(): Promise<FleetProcessStatus> {
    return (await this.process!.status()) as FleetProcessStatus;
  }

  get weight(): Promise<number> {
    return this.status().then(({ routes }) => routes[0]!.variants[1]!.weight);
  }

  /** @returns who answered */
  ask(user: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(`${this.process!.proxy}/`, { agent: this.agent, headers: { "x-user": user } }, (response) => {
        let body = "";
        response.on("data", (bytes: Buffer) => (body += bytes.toString()));
        response.on("end", () => (response.statusCode === 200 ? resolve(body) : reject(new Error(`status ${response.statusCode}`))));
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  /** So many users at once, each asking again when it was answered, with a short pause. */
  load(users: number): void {
    this.sending = true;
    const one = async (id: number): Promise<void> => {
      for (let n = 0; this.sending; n++) {
        await this.ask(`${this.name}-${id}-${n}`).then(() => this.answered++, () => (this.sending ? this.failed++ : 0));
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    this.sent = Promise.all(Array.from({ length: users }, (_, id) => one(id))).then(() => undefined);
  }

  async rest(): Promise<void> {
    this.sending = false;
    await this.sent;
  }

  async kill(): Promise<void> {
    this.sending = false;
    await this.process?.stop("SIGKILL");
    await this.rest();
  }

  clear(): void {
    this.sending = false;
    this.agent.destroy();
    this.place.clear();
  }
}

export interface FleetOptions {
  readonly size: number;
  /** Of Redis, or of a relay before it; by member. */
  readonly port: (index: number) => number;
  /** Default: the single Redis at `port`. */
  readonly store?: object;
  readonly rollout: object | null;
  /** Beside v1 and v2. */
  readonly variants?: readonly object[];
  /** Default `info`. */
  readonly log?: string;
  /** Added to a member's environment. */
  readonly env?: (index: number) => NodeJS.ProcessEnv;
  /** What runs a member's program (Workplace.within). */
  readonly within?: (directory: string) => readonly string[];
  /** The routes come from Redis: there are none at first. */
  readonly shared?: boolean;
}

export class FleetProcesses {
  readonly members: FleetMember[] = [];
  readonly v1: Service;
  readonly v2: Service;
  private readonly options: FleetOptions;

  private constructor(options: FleetOptions, v1: Service, v2: Service) {
    this.options = options;
    this.v1 = v1;
    this.v2 = v2;
  }

  static async start(options: FleetOptions): Promise<FleetProcesses> {
    const fleet = new FleetProcesses(options, await service("v1"), await service("v2"));
    for (let i = 0; i < options.size; i++) fleet.add();
    await Promise.all(fleet.members.map((member) => member.start()));
    return fleet;
  }

  /** A member that is not started yet. */
  add(): FleetMember {
    const index = this.members.length;
    const member = new FleetMember(`s${index}`);
    const { rollout, variants: more = [], log, shared, port, store, env, within } = this.options;
    member.place.env = env?.(index) ?? {};
    member.place.within = within?.(member.place.directory) ?? [];
    const bootstrap = { listeners: [{ address: "127.0.0.1:0" }], admin: { address: "127.0.0.1:0" }, identity: { instance: member.name }, store: { type: "redis", ...(store ?? { address: `127.0.0.1:${port(index)}` }) }, log: { level: log ?? "info" } };
    const variants = [{ name: "v1", endpoints: [this.v1.url] }, { name: "v2", endpoints: [this.v2.url], ...(rollout === null ? { weight: 0 } : {}) }, ...more];
    const route = { name: "shop", cohort: { key: ["header:x-user"] }, variants, ...(rollout === null ? {} : { rollout }) };
    member.place.writeText(JSON.stringify({ ...bootstrap, dynamic: shared === true ? { from: "store" } : { routes: [route] } }));
    this.members.push(member);
    return member;
  }

  get running(): FleetMember[] {
    return this.members.filter(({ process }) => process !== null && process.child.exitCode === null && process.child.signalCode === null);
  }

  async leader(): Promise<FleetMember | undefined> {
    for (const member of this.running) if ((await member.status()).fleet.role === "leader") return member;
    return undefined;
  }

  async clear(): Promise<void> {
    for (const member of this.members) member.clear();
    for (const { server } of [this.v1, this.v2]) {
      server.closeAllConnections();
      server.close();
    }
    await Promise.all(this.members.map((member) => member.rest()));
  }
}
