import { z } from "zod";
import { parseMethod, parsePath, parseStatuses } from "./notation.ts";
import { breakerActions, candidatesMax, inconclusiveActions, latencyQuantiles, limitActions, limitScopes, playbookDrillActions, playbookFailureActions, strategies } from "./rollout-plan.ts";
import { duration, factor, flag, integer, name, scalar, share, text, token, weight } from "./scalars.ts";
import { windowShape } from "./window-schema.ts";

const day = 86_400_000;

const step = z.strictObject({
  weight: weight.describe("The candidate's weight in this step, in percent."),
  dwell: duration({ maxMs: 20 * day }).describe("The least time at this weight before the next step.").prefault("1m"),
  minRequests: integer({ min: 0, max: 1_000_000_000 }).describe("The least number of candidate requests in this step before the next one.").prefault(100),
  approval: flag.describe("Somebody must approve before this weight is given.").prefault(false),
  evidence: flag
    .describe("The next step also needs evidence that the candidate is not worse, on every limit with `prove`. Left out: true in steps that leave the baseline users to compare with.")
    .optional(),
  early: flag.describe("That evidence ends the step before its dwell.").prefault(false),
  mirrored: flag.describe("The route's copies must have shown that less than the mirror limit's share of them differs before this weight is given.").prefault(false),
  externalGates: z.array(name).max(8).describe("Targets of `webhooks.targets` that are asked when everything else is there, and must all say yes before this weight is given. Silence is no yes, and never blocks a rollback.").prefault([]),
  probes: integer({ min: 0, max: 10_000 }).describe("How many of the rollout's declared probes must be answered well in a row before this weight is given.").prefault(0),
});

const action = z.enum(limitActions).describe("What a breach does. `dryRun` decides and records, but acts on nothing.").default("rollback");

const scope = z
  .enum(limitScopes)
  .describe("`inRegion`: a breach takes the users of the sidecar's own region away, and the rollout goes on elsewhere. Only with the action `rollback`.")
  .default("everywhere");

const budgetShare = factor({ min: 0.01, max: 100, remedy: "Write a number from 0.01 to 100: how much of the budget this limit has beside the others, of which an error rate usually has 0.52" })
  .describe("This limit's part of alpha, in proportion to the other limits' parts: more finds its regressions with fewer requests, and the others' with more. Left out: 0.52 for errorRate, 0.2 for latency `location`, 0.08 for p95, 0.05 for 2xp99, 0.15 for everything else.")
  .optional();

const relative = factor({ min: 1, max: 100, remedy: "Write a factor from 1 to 100: 1.1 allows a tenth more than the baseline" });

const errorRateLimit = z
  .strictObject({
    metric: z.literal("errorRate"),
    relative: relative.describe("The candidate's error rate may be this many times the baseline's, plus the margin.").prefault(1.1),
    margin: share().describe("Added to the bound, so that a baseline without errors does not forbid every error.").prefault("0.05%"),
    absolute: share({ above: 0 }).describe("An error rate that the candidate may not exceed while the baseline keeps it.").optional(),
    prove: flag.describe("Steps that ask for evidence wait until this limit has shown that the candidate is not worse.").prefault(true),
    advanceMargin: share({ above: 0 })
      .describe("How much worse that evidence must rule out; never less than the margin. Half as much takes twice as many requests.")
      .prefault("1%"),
    action,
    scope,
    budgetShare,
  })
  .describe("Errors of the candidate beside the baseline's.");

const latencyLimit = z
  .strictObject({
    metric: z.literal("latency"),
    quantile: z
      .enum(latencyQuantiles)
      .describe("Which part of the first-byte times: `location` is the bulk, the others are tails; `2xp99` is twice the baseline's p99.")
      .default("location"),
    margin: share({ max: 10 }).describe("The candidate may be this much slower than the baseline.").prefault("10%"),
    floor: duration({ maxMs: 60_000 }).describe("A difference below this never counts.").prefault("1ms"),
    absolute: duration({ minMs: 1, maxMs: 600_000 }).describe("A time that this quantile may not exceed while the baseline keeps it. Only for p95 and p99.").optional(),
    prove: flag.describe("Steps that ask for evidence wait until this limit has shown that the candidate is not worse. Left out: true for `location` only, because tails take many requests to show.").optional(),
    action,
    scope,
    budgetShare,
  })
  .describe("First-byte times of the candidate beside the baseline's.");

const pathText = scalar({ json: { title: "path", type: "string", pattern: "^/", examples: ["/orders"] }, parse: parsePath });

const goal = z
  .strictObject({
    path: z
      .union([pathText, z.strictObject({ exact: pathText.describe("The whole path, without its query.") })])
      .describe("A later request of the same cohort on this route: a path prefix, or `{exact: /path}`.")
      .optional(),
    method: scalar({ json: { title: "method", type: "string", examples: ["POST"] }, parse: parseMethod }).describe("That request's method. Left out: any.").optional(),
    status: scalar({
      json: { title: "status", anyOf: [{ type: "integer", minimum: 200, maximum: 599 }, { type: "string", pattern: "^([2-5]xx|[2-5][0-9][0-9])$" }], examples: ["2xx"] },
      parse: parseStatuses,
    })
      .describe("The answer's status: `201`, or a class as `2xx`. Left out: 2xx.")
      .optional(),
    header: token.describe("Instead of a request: a header that the service sends with its answer to the cohort.").optional(),
    value: text({ charactersMax: 256 }).describe("That header's exact value. Left out: whatever it says.").optional(),
  })
  .describe("What a cohort has to reach: `path`, or `header`.");

const conversionLimit = z
  .strictObject({
    metric: z.literal("conversion"),
    name: name.describe("What people are told, and the label in metrics."),
    goal,
    relative: relative.describe("The baseline's cohorts may reach the goal this many times as often as the candidate's.").prefault(1.05),
    prove: flag.describe("Steps that ask for evidence wait until this limit has shown that the candidate converts no worse. It takes thousands of conversions.").prefault(false),
    action,
    scope,
    budgetShare,
  })
  .describe("How many cohorts reach a goal, beside the baseline's. Each counts once a day and weight. Needs a cohort key; without a baseline beside it, it says nothing.");

const customLimit = z
  .strictObject({
    metric: z.literal("custom"),
    name: name.describe("What people are told, and the label in metrics."),
    header: token.describe("The response header in which the service sends the number: 0 or more, as `12.5`."),
    worse: z.enum(["higher", "lower"]).describe("Which way the number gets worse."),
    margin: share({ max: 10 }).describe("The candidate's numbers may be this much worse than the baseline's.").prefault("10%"),
    prove: flag.describe("Steps that ask for evidence wait until this limit has shown that the candidate is not worse.").prefault(false),
    action,
    scope,
    budgetShare,
  })
  .describe("A number that the service sends with its answers, beside the baseline's. With a cohort key each cohort counts once a day and weight. At most one for each route.");

const mirrorLimit = z
  .strictObject({
    metric: z.literal("mirror"),
    differing: share({ above: 0, max: 0.5 }).describe("This share of the copies may be answered otherwise than the users were.").prefault("1%"),
    prove: flag.describe("Steps that ask for evidence wait until this limit has shown that less than that differs.").prefault(false),
    action,
    scope,
    budgetShare,
  })
  .describe("The answers to the route's copies (`mirror`), beside those that the users got. It speaks before the candidate has any user.");

const freeze = z.strictObject({ name: text({ charactersMax: 64 }).describe("What people are told."), ...windowShape });

const probes = z.strictObject({
  path: scalar({ json: { title: "path", type: "string", pattern: "^/", examples: ["/healthz"] }, parse: parsePath }).describe("What is asked. It must change nothing; 2xx and 3xx are good answers."),
  method: z.enum(["GET", "HEAD"]).describe("Read-only by its meaning.").default("GET"),
  interval: duration({ minMs: 100, maxMs: 3_600_000 }).describe("Between two questions to a variant; its endpoints are asked in turn.").prefault("1s"),
  timeout: duration({ minMs: 10, maxMs: 60_000 }).describe("Of one question.").prefault("1s"),
});

export const rolloutSchema = z.strictObject({
  candidate: name.describe("The variant whose weight this rollout moves. Either this or `candidates`.").optional(),
  candidates: z
    .array(name)
    .min(2)
    .max(candidatesMax)
    .describe("Several variants beside one baseline: an experiment, with the strategy `ab`. Each has the steps, limits and state of a rollout of its own, called `<route>:<variant>`; alpha is shared among them. The last step is for the one that somebody chooses.")
    .optional(),
  strategy: z
    .enum(strategies)
    .describe("What is filled in where steps and bake are left out: `canary` grows step by step, `blueGreen` switches once after an approval, `ab` holds an even split between all of the rollout's candidates and the baseline until somebody decides, `mirrorFirst` is a canary that gets copies of users' requests first, and no user before it has answered them as the baseline does.")
    .default("canary"),
  steps: z
    .array(z.union([weight, step]))
    .min(1)
    .max(100)
    .describe("Weights to go through, rising, each a number of percent or an object. The last takes all that other candidates leave: 100 where there are none; all steps before it must leave users to the baseline for every one of `candidates`. Left out: as the strategy says.")
    .optional(),
  limits: z
    .array(z.discriminatedUnion("metric", [errorRateLimit, latencyLimit, conversionLimit, customLimit, mirrorLimit]))
    .min(1)
    .max(16)
    .describe("What the candidate is held to. Left out: errorRate, and latency with location, p95, p99 and 2xp99, each at its defaults.")
    .optional(),
  bake: duration({ maxMs: 20 * day }).describe("How long the candidate is watched after the last step before the rollout has succeeded. Left out: 10m, with `blueGreen` 1h.").optional(),
  inconclusive: z
    .strictObject({
      after: duration({ minMs: 1_000, maxMs: 20 * day }).describe("Counted from when the step's weight was given: longer than its dwell."),
      action: z.enum(inconclusiveActions).describe("`advance` goes on although nothing was shown; never without the requests, and never while something speaks against the candidate."),
    })
    .describe("What happens to a step that has not got what it asks for by then. Left out: it holds.")
    .optional(),
  freeze: z.array(freeze).max(64).describe("While one of them is open, no weight rises. Rollback is never blocked.").prefault([]),
  cooldown: z
    .strictObject({
      first: duration({ maxMs: 20 * day }).describe("After the first rollback; each further one before a success doubles it.").prefault("1m"),
      max: duration({ maxMs: 20 * day }).describe("It never becomes longer.").prefault("1h"),
    })
    .describe("How long nothing starts on the route after a rollback.")
    .prefault({}),
  regions: z.record(z.string(), weight).describe("Region -> what the candidate's weight may not exceed there, whatever the step says; 0 keeps the region out. Left out: no cap.").prefault({}),
  group: name.describe("Rollouts of one group advance together and roll back together. They have equally many steps.").optional(),
  probes: probes.describe("A question that the sidecar asks a variant that has no users to speak of: the candidate before a step that asks for it, the baseline while it bakes. Counted apart from users.").optional(),
  playbook: z
    .array(z.strictObject({
      name: name.describe("What people are told, and what the receiver is told to do."),
      target: name.describe("A target of `webhooks.targets`."),
      onFailure: z.enum(playbookFailureActions).describe("`stop` leaves out the steps after it.").default("continue"),
      drill: z.enum(playbookDrillActions).describe("What a drill does with it: leave it out, or call it with `drill: true`, for a receiver that knows what that means.").default("skip"),
    }))
    .max(16)
    .describe("What is called when this rollout goes back, one after the other: revert code, configuration, open a ticket, page. The rollback itself waits for none of it.")
    .prefault([]),
  exposureBudget: integer({ min: 1, max: 1_000_000_000 })
    .describe("How many bad candidate responses the whole rollout may cost; spent means rollback. Left out: not capped.")
    .optional(),
  sampleRatio: flag
    .describe("Hold while the versions do not get the shares that the weights say: then the split or the counting is broken, and no comparison means anything. A rollback is never held.")
    .prefault(true),
  paused: flag.describe("Hold: neither start nor advance. Rollback stays armed.").prefault(false),
  breaker: z
    .strictObject({
      action: z
        .enum(breakerActions)
        .describe("What a total failure of the candidate does: `probe` takes its traffic away, waits and tries again with little, and rolls back the second time; `rollback` rolls back at once.")
        .default("probe"),
    })
    .describe("The fast answer to catastrophes, in under a second.")
    .prefault({}),
  alpha: share({ above: 0, max: 0.5 }).describe("The promised probability of a false rollback within 24 hours, for all of the rollout's candidates together.").prefault("1%"),
});

export type GoalDocument = z.output<typeof goal>;
export type RolloutDocument = z.output<typeof rolloutSchema>;
export type StepDocument = z.output<typeof step>;
