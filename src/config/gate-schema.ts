import { z } from "zod";
import { gateEffects } from "../core/gates.ts";
import { parseClaim, parseDate, parseMethod } from "./notation.ts";
import { pathSchema } from "./path-schema.ts";
import { duration, name, Refusal, scalar, share, text, token } from "./scalars.ts";
import { windowShape } from "./window-schema.ts";

const day = 86_400_000;
const value = text({ charactersMax: 4_096 });

/** Exactly one of these; none: present, whatever it says. */
const tests = {
  value: value.describe("The exact value.").optional(),
  in: z.array(value).min(1).max(10_000).describe("One of these values.").optional(),
  prefix: value.describe("What it begins with.").optional(),
  suffix: value.describe("What it ends with.").optional(),
  contains: value.describe("What it contains.").optional(),
};

const named = z.strictObject({ name: token.describe("Its name; a header's in any case."), ...tests });
const claim = z.strictObject({ name: scalar({ json: { title: "claim", type: "string" }, parse: parseClaim }).describe("A top-level claim of the verified token; of a list one entry is enough."), ...tests });
const parameter = z.strictObject({ name: text({ charactersMax: 256 }).describe("Its name, decoded."), ...tests });

const conditions = z.strictObject({
  headers: z.array(named).min(1).max(16).describe("All of them. The first value of a name counts.").optional(),
  cookies: z.array(named).min(1).max(16).describe("All of them.").optional(),
  claims: z.array(claim).min(1).max(16).describe("All of them. Of a token that `jwt` verifies; a request without one has no claims.").optional(),
  query: z.array(parameter).min(1).max(16).describe("All of them. The first value of a name counts.").optional(),
  keys: z.array(text({ charactersMax: 1_024 })).min(1).max(10_000).describe("Cohort keys: single users, by what `cohort.key` finds.").optional(),
  paths: z.array(pathSchema).min(1).max(64).describe("One of them.").optional(),
  methods: z.array(scalar({ json: { title: "method", type: "string", examples: ["GET"] }, parse: parseMethod })).min(1).max(32).describe("One of them.").optional(),
  regions: z.array(name).min(1).max(64).describe("One of them is the sidecar's own region (`identity.region`).").optional(),
  times: z.array(z.strictObject(windowShape)).min(1).max(16).describe("One of them is open.").optional(),
});

const rule = z.strictObject({
  name: name.describe("What people are told. Left out: `rule-1`, `rule-2`, ... by its place.").optional(),
  effect: z
    .enum(gateEffects)
    .describe("`deny` closes the variant to the request; `allow` and `target` give it the variant whatever the weight is. An allow rule says who, a target says what they are like: only the reason differs."),
  when: conditions.describe("Every part that is present must hold. Left out: every request.").optional(),
  unless: conditions.describe("The rule does not match where every part that is present holds.").optional(),
  share: share({ above: 0 }).describe("Of the cohorts that would match, this share does; the others go on to the next rule. A cohort stays in as the share grows. Needs a cohort key.").prefault("100%"),
});

export const gateSchema = z.strictObject({
  name: name.describe("Unique; what commands, metrics and the audit log call it."),
  route: name.describe("The route that it belongs to."),
  variant: name.describe("The candidate that it opens: a deployment of its own, or the baseline's with other headers. At most one gate for each."),
  description: text({ charactersMax: 1_024 }).describe("What it is for.").optional(),
  owner: text({ charactersMax: 256 }).describe("Who answers for it: a team or a person.").optional(),
  ticket: text({ charactersMax: 1_024 }).describe("Where it is tracked: an identifier or an address.").optional(),
  created: scalar({ json: { title: "date", type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$" }, parse: parseDate }).describe("The day on which it was made.").optional(),
  sunset: scalar({ json: { title: "date", type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$" }, parse: parseDate }).describe("The day from which it should be gone. Nothing ends by itself: it is stale from then on.").optional(),
  criteria: text({ charactersMax: 1_024 }).describe("When it may go: what has to be true of the feature.").optional(),
  rules: z.array(rule).max(64).describe("In this order; the first that matches counts. None: the weight alone decides.").prefault([]),
});

export const policySchema = z.strictObject({
  mode: z.enum(["enforce", "warn"]).describe("`enforce` refuses a document whose gates lack something; `warn` takes it and says so.").default("enforce"),
  require: z
    .array(z.enum(["owner", "description", "ticket", "created", "sunset", "criteria"]))
    .max(6)
    .describe("What every gate has to have.")
    .prefault(["owner", "description", "ticket", "created", "sunset", "criteria"]),
  prefixes: z.array(text({ charactersMax: 32 })).max(64).describe("What a gate's name has to begin with: one of these. Empty: anything.").prefault([]),
  style: z.enum(["kebab", "any"]).describe("How names are written: `kebab` is lower case with single dashes, as `new-checkout`.").default("kebab"),
  lifeMax: duration({ minMs: day, maxMs: 3_650 * day }).describe("From `created` to `sunset` at most. Left out: not bounded.").optional(),
  stale: z
    .strictObject({
      full: duration({ minMs: day, maxMs: 3_650 * day }).describe("At 100% for so long: it can go.").prefault("30d"),
      hidden: duration({ minMs: day, maxMs: 3_650 * day }).describe("At 0% for so long: nobody goes on with it.").prefault("30d"),
      idle: duration({ minMs: day, maxMs: 3_650 * day }).describe("Its route has had no request for so long.").prefault("14d"),
    })
    .describe("From when on `ebbgate gates --stale` names a gate; one that is past its sunset is named always.")
    .prefault({}),
});

const isObject = (written: unknown): written is Readonly<Record<string, unknown>> => typeof written === "object" && written !== null && !Array.isArray(written);

export const jwtSchema = z.strictObject({
  keys: z
    .array(scalar({ json: { title: "JSON Web Key", type: "object" }, parse: (written): Readonly<Record<string, unknown>> | Refusal => (isObject(written) ? written : new Refusal("must be a JSON Web Key", "Write kty and the other members of the issuer's public key")) }))
    .min(1)
    .max(32)
    .describe("Public keys as JSON Web Keys (RFC 7517): RSA, EC (P-256, P-384, P-521) or Ed25519. A token names its key by `kid`; one without is held against each key that fits its algorithm."),
  issuer: text({ charactersMax: 1_024 }).describe("What `iss` has to be. Left out: anything.").optional(),
  audience: text({ charactersMax: 1_024 }).describe("What `aud` has to be, or to hold. Left out: anything.").optional(),
  clockTolerance: duration({ maxMs: 600_000 }).describe("How far this machine's clock may be off where `exp` and `nbf` are checked.").prefault("30s"),
});

export type GateDocument = z.output<typeof gateSchema>;
export type GateRuleDocument = z.output<typeof rule>;
export type GateConditionsDocument = z.output<typeof conditions>;
export type PolicyDocument = z.output<typeof policySchema>;
export type JwtDocument = z.output<typeof jwtSchema>;
