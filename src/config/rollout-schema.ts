import { z } from "zod";
import { breakerActions, latencyQuantiles, limitActions } from "./rollout-plan.ts";
import { duration, factor, flag, integer, name, share, weight } from "./scalars.ts";

const day = 86_400_000;

const step = z.strictObject({
  weight: weight.describe("The candidate's weight in this step, in percent."),
  dwell: duration({ maxMs: 20 * day }).describe("The least time at this weight before the next step.").prefault("1m"),
  minRequests: integer({ min: 0, max: 1_000_000_000 }).describe("The least number of candidate requests in this step before the next one.").prefault(100),
  approval: flag.describe("Somebody must approve before this weight is given.").prefault(false),
});

const action = z.enum(limitActions).describe("What a breach does. `dryRun` decides and records, but acts on nothing.").default("rollback");

const relative = factor({ min: 1, max: 100, remedy: "Write a factor from 1 to 100: 1.1 allows a tenth more than the baseline" });

const errorRateLimit = z
  .strictObject({
    metric: z.literal("errorRate"),
    relative: relative.describe("The candidate's error rate may be this many times the baseline's, plus the margin.").prefault(1.1),
    margin: share().describe("Added to the bound, so that a baseline without errors does not forbid every error.").prefault("0.05%"),
    absolute: share({ above: 0 }).describe("An error rate that the candidate may not exceed while the baseline keeps it.").optional(),
    action,
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
    action,
  })
  .describe("First-byte times of the candidate beside the baseline's.");

export const rolloutSchema = z.strictObject({
  candidate: name.describe("The variant whose weight this rollout moves."),
  steps: z
    .array(z.union([weight, step]))
    .min(1)
    .max(100)
    .describe("Weights to go through, rising, each a number of percent or an object. The last takes all that other candidates leave: 100 where there are none."),
  limits: z
    .array(z.discriminatedUnion("metric", [errorRateLimit, latencyLimit]))
    .min(1)
    .max(16)
    .describe("What the candidate is held to. Left out: errorRate, and latency with location, p95, p99 and 2xp99, each at its defaults.")
    .optional(),
  bake: duration({ maxMs: 20 * day }).describe("How long the candidate is watched after the last step before the rollout has succeeded.").prefault("10m"),
  exposureBudget: integer({ min: 1, max: 1_000_000_000 })
    .describe("How many bad candidate responses the whole rollout may cost; spent means rollback. Left out: not capped.")
    .optional(),
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
  alpha: share({ above: 0, max: 0.5 }).describe("The promised probability of a false rollback within 24 hours.").prefault("1%"),
});

export type RolloutDocument = z.output<typeof rolloutSchema>;
export type StepDocument = z.output<typeof step>;
