/** Who is admitted to the admin API: whoever shows a token or a certificate; where neither is configured, whoever reaches a loopback address. */
import type { AdminSettings } from "../../config/settings.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { isLoopback } from "../binding.ts";
import { problem } from "../problem.ts";
import type { Access, Admission, Attempt, Credentials } from "./access.ts";
import { Attempts } from "./attempts.ts";
import { certified, tokenOf } from "./credentials.ts";
import { type AccessRecord, Denials } from "./denials.ts";
import { localAccess } from "./local-access.ts";
import { idOf } from "./token.ts";
import { TokenFile } from "./token-file.ts";
import { standingOf, type TokenRecord, type Tokens } from "./token-lines.ts";
import { Verifier } from "./verifier.ts";

export interface GatekeeperPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Into the audit log. */
  readonly append: (record: AccessRecord) => Promise<void>;
}

type Guarded = Pick<AdminSettings, "host" | "tokens" | "tls">;

/** Whether anything but the address says who asks. */
const isGuarded = ({ tokens, tls }: Pick<Guarded, "tokens" | "tls">): boolean => tokens !== undefined || (tls?.clientRoles ?? []).length > 0;

export class Gatekeeper implements Access {
  private readonly settings: Guarded;
  private readonly ports: GatekeeperPorts;
  readonly exposed: boolean;
  private readonly local: Access;
  private readonly file: TokenFile | null;
  /** From then on a change of the file is news. */
  private started = false;
  private readonly verifier: Verifier;
  private readonly attempts: Attempts;
  private readonly denials: Denials;

  constructor(settings: Guarded, ports: GatekeeperPorts) {
    const { clock, log } = ports;
    const nowMs = (): number => clock.monotonicMs();
    this.settings = settings;
    this.exposed = isGuarded(settings) && !isLoopback(settings.host);
    this.local = localAccess(settings.host);
    this.ports = ports;
    this.verifier = new Verifier(nowMs);
    this.attempts = new Attempts(nowMs);
    this.denials = new Denials({ log, append: ports.append, nowMs });
    this.file = settings.tokens === undefined ? null : new TokenFile(settings.tokens, { changed: (tokens, before) => this.changed(tokens, before), faulty: (faults) => log.error({ faults }, "The tokens file is not as it should be.") });
  }

  /** Reads the tokens, so that what is wrong with them is said before anybody asks. */
  async start(): Promise<void> {
    await this.file?.current();
    this.started = true;
  }

  async admit(credentials: Credentials): Promise<Admission> {
    const token = tokenOf(credentials);
    if (!isGuarded(this.settings)) return this.local.admit(credentials);
    if (token !== null && this.file !== null) return this.byToken(token, credentials.peer, this.file);
    if (credentials.certificate !== null) {
      const principal = certified(credentials.certificate, this.settings.tls?.clientRoles ?? []);
      return principal === null ? refused("The certificate is good, but admin.tls.clientRoles does not say whose it is.", `the certificate ${credentials.certificate.subject} has no role`) : { principal };
    }
    return refused(`${this.file === null ? "A client certificate" : "A token"} is needed. ${this.file === null ? "Show one that admin.tls.clientRoles names." : "Send Authorization: Bearer ebbgate_...; ebbgate token create makes one."}`, "nothing was shown");
  }

  denied(attempt: Attempt): void {
    this.denials.denied(attempt);
  }

  close(): Promise<void> {
    return this.denials.close();
  }

  private async byToken(presented: string, peer: string, file: TokenFile): Promise<Admission> {
    const id = idOf(presented);
    if (id === null) return refused("That is not a token of Ebbgate: it looks like ebbgate_..., in Authorization: Bearer.", "what was shown is no token", true);
    const known = (await file.current()).byId.get(id);
    if (known !== undefined && this.verifier.knows(known, presented)) return this.admitted(known);
    // The same secret once more while it is checked is no other guess.
    const begun = this.verifier.isChecking(known, presented) ? () => undefined : this.attempts.begin(peer, id);
    if (typeof begun === "number") return tooMany(begun, `too many failures with token ${id}, or at this address`);
    const right = await this.verifier.check(known, presented).catch((error: unknown) => {
      this.ports.log.error({ err: error }, "A token could not be checked.");
      return "busy" as const;
    });
    if (right === true || right === "busy") begun();
    if (right === "busy") return tooMany(1_000, "too many tokens are being checked");
    if (!right || known === undefined) return refused("The token is wrong, or is not known here.", known === undefined ? `there is no token ${id}` : `not the secret of token ${id} (${known.name})`, true);
    // It may have been revoked while it was checked.
    const now = (await file.current()).byId.get(id);
    return now?.hash === known.hash ? this.admitted(now) : refused("The token is wrong, or is not known here.", `token ${id} has just been taken away`, true);
  }

  /** The secret is right. */
  private admitted(record: TokenRecord): Admission {
    const { id, name, role, expires } = record;
    const standing = standingOf(record, this.ports.clock.wallMs());
    if (standing === "live") return { principal: { name, role, verified: true } };
    const what = standing === "expired" ? `expired on ${expires}` : `was revoked on ${record.revoked?.at}`;
    return refused(`The token ${id} ${what}: ask for another one.`, `token ${id} (${name}) ${what}`, true);
  }

  private changed({ byId }: Tokens, { byId: before }: Tokens): void {
    this.verifier.keep(byId);
    const live = [...byId.values()].filter((record) => standingOf(record, this.ports.clock.wallMs()) === "live").length;
    this.ports.log.info({ tokens: byId.size, live }, `The tokens file was read: ${live} of ${byId.size} tokens are live.`);
    if (!this.started) return;
    for (const record of changesOf(byId, before)) this.denials.record(record);
  }
}

/** What the audit log says of a changed file. */
function* changesOf(now: Tokens["byId"], before: Tokens["byId"]): Generator<AccessRecord> {
  const told = (action: "created" | "revoked" | "changed" | "removed", { id, name, role }: TokenRecord, who: string, reason = ""): AccessRecord => ({ kind: "access", event: "token", action, token: id, name, role, who, reason });
  for (const [id, record] of now) {
    const old = before.get(id);
    if (old === undefined) yield told("created", record, record.by);
    else if (record.revoked !== undefined && old.revoked === undefined) yield told("revoked", record, record.revoked.by, record.revoked.reason);
    else if (JSON.stringify(old) !== JSON.stringify(record)) yield told("changed", record, "by hand");
  }
  for (const [id, record] of before) if (!now.has(id)) yield told("removed", record, "by hand");
}

function refused(detail: string, why: string, shown = false): Admission {
  // RFC 6750 section 3: no error code where nothing was shown.
  return { answer: problem(401, detail, { "www-authenticate": `Bearer realm="ebbgate"${shown ? ', error="invalid_token"' : ""}` }), why };
}

function tooMany(waitMs: number, why: string): Admission {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  return { answer: problem(429, `Too many failed logins: try again in ${seconds} s.`, { "retry-after": String(seconds) }), why };
}
