/** OFREP's paths; what they take and answer is the protocol's, in ofrep.ts. */
import { z } from "zod";
import { Ofrep } from "../ofrep.ts";
import type { Evaluation } from "../ofrep-flags.ts";
import type { AdminPorts } from "../ports.ts";
import type { Answer } from "../problem.ts";
import type { Question } from "../question.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { named } from "./shapes.ts";

const flag: z.ZodType<Evaluation> = z
  .object({
    key: z.string(), value: z.union([z.string(), z.boolean()]), variant: z.string(), reason: z.enum(["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]),
    metadata: z.record(z.string(), z.union([z.string(), z.number()])),
  })
  .meta({ id: "Flag", description: "A successful evaluation of OFREP 0.3.0." });
const refused = z.object({ key: z.string().exactOptional(), errorCode: z.string().exactOptional(), errorDetails: z.string().exactOptional() }).meta({ id: "FlagRefusal" });
const context = { schema: z.object({ context: z.record(z.string(), z.unknown()).describe("`targetingKey` is the cohort key.").exactOptional() }).meta({ id: "FlagContext" }) };
const answers = { 400: { means: "The context cannot be read.", schema: refused }, 503: { means: "There is no configuration yet.", schema: refused } };

const bulkPath = "/ofrep/v1/evaluate/flags";

export function flagEndpoints(ports: AdminPorts): readonly Endpoint[] {
  const ofrep = new Ofrep(ports);
  const answer = (key: string | null, { header, body }: Question): Promise<Answer> => ofrep.answer({ key, contentType: header("content-type"), ifNoneMatch: header("if-none-match"), body });
  return [
    endpoint({ method: "POST", path: bulkPath, id: "evaluateFlags", tag: "flags", summary: "OpenFeature: every flag for a user (docs/openfeature.md).", permission: "read", raw: true, body: context, answers: { 200: { means: "The flags.", schema: z.object({ flags: z.array(z.union([flag, refused])) }).meta({ id: "Flags" }) }, 304: { means: "As If-None-Match says." }, ...answers }, handle: ({ question }) => answer(null, question) }),
    endpoint({ method: "POST", path: `${bulkPath}/{name}`, id: "evaluateFlag", tag: "flags", summary: "OpenFeature: one flag for a user.", permission: "read", raw: true, body: context, params: named("flag"), answers: { 200: { means: "The decision that the proxy makes.", schema: flag }, 404: { means: "There is no such flag.", schema: refused }, ...answers }, handle: ({ params, question }) => answer(params.name, question) }),
  ];
}
