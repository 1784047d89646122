import { z } from "zod";
import { duration, name, Refusal, scalar, share, text, token } from "./scalars.ts";
import type { TracingConfiguration } from "./definition.ts";

/** OTLP/HTTP: a base address gets the path of the specification; a path of one's own stays. */
function parseCollector(written: unknown): string | Refusal {
  const remedy = "Write an address, as http://127.0.0.1:4318";
  if (typeof written !== "string" || !URL.canParse(written)) return new Refusal("is not an address", remedy);
  const url = new URL(written);
  if (url.protocol !== "http:" && url.protocol !== "https:") return new Refusal("is neither http nor https", remedy);
  if (url.username !== "" || url.password !== "") return new Refusal("carries credentials", "Put them into export.headers, as ${NAME}");
  if (url.search !== "" || url.hash !== "") return new Refusal("carries a query or fragment", remedy);
  if (url.port === "4317") return new Refusal("is the port of OTLP/gRPC", "Spans leave by OTLP/HTTP: write port 4318");
  if (url.pathname === "/") url.pathname = "/v1/traces";
  return url.href;
}

const exportSchema = z.strictObject({
  url: scalar({ json: { title: "address", type: "string", pattern: "^https?://", examples: ["http://127.0.0.1:4318"] }, parse: parseCollector }).describe(
    "A collector that takes OTLP/HTTP. Without a path: `/v1/traces`.",
  ),
  headers: z
    .array(
      z.strictObject({
        name: token.describe("Header name."),
        value: text({ title: "secret", charactersMax: 4_096, remedy: "Write ${NAME}, and put the secret into that environment variable" }).describe("As `${NAME}`, where it is a secret."),
      }),
    )
    .max(16)
    .describe("Headers of each export, for a collector that wants to know who sends.")
    .prefault([]),
  timeout: duration({ minMs: 100, maxMs: 60_000 }).describe("Of one export.").prefault("5s"),
});

export const tracingSchema = z
  .strictObject({
    sample: share().describe("Share of the traces that begin here that are sampled. It also goes upstream, in the context's flag.").prefault("1%"),
    sampleCandidates: share().describe("The same for requests that a candidate serves. Left out: ten times `sample`.").optional(),
    parents: z
      .enum(["everybody", "trustedPeers"])
      .describe("Whose trace contexts are continued, and whose sampling is followed. From all others a new trace begins.")
      .default("everybody"),
    serviceName: name.describe("`service.name` of the spans.").prefault("ebbgate"),
    export: exportSchema.describe("Where spans are sent. Left out: nowhere; contexts are made and passed on all the same.").optional(),
  })
  .describe("W3C Trace Context and spans. Left out: contexts pass as they are, and none is made.");

type TracingDocument = z.output<typeof tracingSchema>;

/** @returns null: requests are not traced */
export function compileTracing(document: TracingDocument | undefined): TracingConfiguration | null {
  if (document === undefined) return null;
  const { sample, sampleCandidates = Math.min(1, sample * 10), parents, serviceName, export: target } = document;
  return {
    settings: { sample, sampleCandidates, trustedOnly: parents === "trustedPeers", exported: target !== undefined },
    serviceName,
    export: target === undefined ? null : { url: target.url, headers: target.headers.map(({ name: header, value }) => [header, value] as const), timeoutMs: target.timeout },
  };
}
