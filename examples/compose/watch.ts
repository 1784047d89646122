/**
 * Users for the three sidecars of docker-compose.yml, and a line whenever something changes on any of them: who leads, which weight each gives, which
 * decision each has acknowledged. Ends when the rollout has ended on all of them. Needs nothing but Node.js.
 */
const sidecars = ["ebbgate-1", "ebbgate-2", "ebbgate-3"] as const;
const users = 8;
const pauseMs = 40;
const lookEveryMs = 200;
const ended = ["succeeded", "rolledBack"];

interface Status {
  readonly routes: readonly { readonly variants: readonly { readonly name: string; readonly weight: number }[] }[];
  readonly rollouts: readonly { readonly phase: string; readonly waiting: string | null; readonly decisions: readonly { readonly sentence: string }[] }[];
  readonly fleet: { readonly role: string; readonly leader: string | null; readonly size: number; readonly convergenceMs: readonly number[]; readonly acknowledged: Readonly<Record<string, number>> } | null;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
let [answered, failed, ending] = [0, 0, false];

async function user(id: number): Promise<void> {
  for (let n = 0; !ending; n++) {
    const host = sidecars[(id + n) % sidecars.length]!;
    await fetch(`http://${host}:8080/products/p7`, { headers: { "x-user": `user-${id}-${n}` } }).then(
      async (answer) => {
        await answer.arrayBuffer();
        if (answer.status < 500) answered++;
        else failed++;
      },
      () => failed++,
    );
    await pause(pauseMs);
  }
}

const statusOf = async (host: string): Promise<Status | null> => {
  try {
    const answer = await fetch(`http://${host}:9901/api/v1/status`);
    return answer.ok ? ((await answer.json()) as Status) : null;
  } catch {
    return null;
  }
};

function show(host: string, status: Status | null): string {
  if (status === null) return `${host} does not answer`;
  const { fleet, rollouts: [rollout], routes: [route] } = status;
  const candidate = route?.variants.at(-1);
  const waits = rollout?.waiting == null ? "" : ` (${rollout.waiting})`;
  return `${host} ${fleet?.role ?? "alone"} ${rollout?.phase ?? "?"}${waits} ${candidate?.name ?? "?"} ${candidate?.weight ?? 0}% ack ${fleet?.acknowledged["shop"] ?? 0}`;
}

for (let id = 0; id < users; id++) void user(id);
let before = "";
let said = "";
for (;;) {
  const statuses = await Promise.all(sidecars.map(statusOf));
  const lines = statuses.map((status, i) => show(sidecars[i]!, status)).join(" | ");
  const leader = statuses.find((status) => status?.fleet?.role === "leader");
  const sentence = leader?.rollouts[0]?.decisions.at(-1)?.sentence ?? "";
  if (sentence !== said) console.log(`\n${new Date().toISOString().slice(11, 23)}  ${sentence}`);
  if (lines !== before) console.log(`${new Date().toISOString().slice(11, 23)}  ${lines}`);
  [before, said] = [lines, sentence];
  if (statuses.every((status) => ended.includes(status?.rollouts[0]?.phase ?? ""))) {
    const took = leader?.fleet?.convergenceMs.map((ms) => `${Math.round(ms)}`).join(" ") ?? "";
    console.log(`\n${answered} requests answered, ${failed} failed. Milliseconds from each decision until all sidecars ran it: ${took}`);
    break;
  }
  await pause(lookEveryMs);
}
ending = true;
export {};
