/** Whether traffic should be sent here, and if not, why: pure, so that the probe and the status page cannot differ. */
import type { AdminPorts } from "./ports.ts";

/** A thread may be this late with a new revision before the process counts as stuck. */
export const acknowledgeTimeoutMs = 5_000;

export interface Readiness {
  readonly ready: boolean;
  /** One sentence each; empty exactly when ready. */
  readonly reasons: readonly string[];
}

export function readiness(ports: Pick<AdminPorts, "clock" | "posted" | "threads" | "draining">): Readiness {
  const reasons: string[] = [];
  const posted = ports.posted();
  if (ports.draining()) reasons.push("The proxy is shutting down.");
  if (posted === null) reasons.push("No configuration has been loaded yet.");
  // A document that is good has a route: without one, the first is still awaited.
  else if (posted.snapshot.routes.length === 0) reasons.push("No configuration is in the store yet: publish one with ebbgate apply.");
  const threads = ports.threads();
  if (threads.length === 0) reasons.push("No proxy thread has been started yet.");
  for (const { index, alive, revision } of threads) {
    if (!alive) {
      reasons.push(`Proxy thread ${index} has ended.`);
    } else if (posted !== null && revision === 0) {
      reasons.push(`Proxy thread ${index} has not acknowledged a configuration yet.`);
    } else if (posted !== null && revision < posted.snapshot.revision) {
      const lateMs = ports.clock.monotonicMs() - posted.atMs;
      if (lateMs < acknowledgeTimeoutMs) continue;
      reasons.push(`Proxy thread ${index} still serves revision ${revision}; revision ${posted.snapshot.revision} was posted ${Math.round(lateMs / 1000)} s ago.`);
    }
  }
  return { ready: reasons.length === 0, reasons };
}
