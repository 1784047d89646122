import { Agent, request } from "node:http";
import { splitPercent, cohortHeader } from "./contestant.ts";
import { answerBody } from "./upstreams.ts";

const requests = 2_000;
const inFlightMax = 32;
/** Five standard deviations of a binomial: one run in two million fails by chance. */
const sigmas = 5;

interface Answer {
  readonly status: number;
  readonly variant: string;
  readonly body: string;
}

/** What a contestant must get right before it is timed. */
export interface Validity {
  /** What is wrong, or null. */
  readonly wrong: string | null;
  /** Of 2,000 users, how many got the candidate. */
  readonly candidates: number;
  /** Whether every user who came twice got the same variant. */
  readonly sticky: boolean;
}

/** Status, body, header fields in both directions, and the split, over 2,000 users. */
export async function validate(port: number): Promise<Validity> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlightMax });
  let candidates = 0;
  let sticky = true;
  let wrong: string | null = null;
  const variants = new Map<string, string>();

  const check = async (i: number): Promise<void> => {
    const user = `check-${i % (requests - 50)}`;
    const { status, variant, body } = await get(agent, port, i % 10 === 0 ? "/echo" : "/", user, `seen-${i}`);
    const expected =
      i % 10 === 0 ? JSON.stringify({ variant, seen: `seen-${i}` }) : variant === "baseline" || variant === "candidate" ? answerBody(variant) : "";
    if (status !== 200) wrong ??= `request ${i} was answered with ${status}`;
    else if (expected === "") wrong ??= `answer ${i} has x-variant '${variant}'`;
    else if (body !== expected) wrong ??= `answer ${i} has the body ${JSON.stringify(body.slice(0, 80))}`;
    if (variant === "candidate") candidates += 1;
    if ((variants.get(user) ?? variant) !== variant) sticky = false;
    variants.set(user, variant);
  };

  try {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < requests && wrong === null) await check(next++);
    };
    await Promise.all(Array.from({ length: inFlightMax }, worker));
  } catch (error) {
    wrong ??= error instanceof Error ? error.message : String(error);
  } finally {
    agent.destroy();
  }
  const share = splitPercent / 100;
  const allowed = sigmas * Math.sqrt(requests * share * (1 - share));
  if (Math.abs(candidates - requests * share) > allowed) {
    wrong ??= `${candidates} of ${requests} users got the candidate; ${splitPercent}% is ${requests * share} +- ${Math.round(allowed)}`;
  }
  return { wrong, candidates, sticky };
}

function get(agent: Agent, port: number, path: string, user: string, check: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { [cohortHeader]: user, "x-check": check };
    request({ agent, host: "127.0.0.1", port, path, headers, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, variant: String(response.headers["x-variant"] ?? ""), body }));
      response.on("error", reject);
    })
      .on("timeout", function (this: { destroy(error: Error): void }) {
        this.destroy(new Error("no answer within 5 s"));
      })
      .on("error", reject)
      .end();
  });
}
