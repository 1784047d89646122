/** The dynamic document: what runs, and another one in its place. */
import { z } from "zod";
import type { ConfigProblem } from "../../config/problem.ts";
import { parseShared } from "../../config/shared.ts";
import { documentBytesMax } from "../../config/source.ts";
import type { SharedText } from "../../store/shared-document.ts";
import { currentText, publish, revisionFor } from "../../store/publish.ts";
import type { AdminPorts } from "../ports.ts";
import { json, problem, type Answer } from "../problem.ts";
import { unmet } from "./conditions.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { reasonText } from "./shapes.ts";

/** How long the first sidecar's word on a new document is waited for. */
const answersWaitMs = 2_000;

const answer = z.object({ instance: z.string(), event: z.enum(["taken", "refused", "stale"]), problems: z.array(z.string()) });

const configuration = z
  .object({
    source: z.string().describe("Where it comes from, for people."), writable: z.boolean().describe("Whether PUT can replace it: a fleet's document in Redis, not a file that is watched."),
    revision: z.int().nullable().describe("As the document says it."), digest: z.string().nullable(), text: z.string().nullable().describe("As somebody wrote it; null where it is a file's, or nobody has written one."),
  })
  .meta({ id: "Configuration" });

const published = z.object({ revision: z.int(), answers: z.array(answer).describe("What the sidecars made of it; empty where none has answered yet.") }).meta({ id: "Published" });

const etag = (there: SharedText | null): string => (there === null ? '"none"' : `"${there.digest}"`);

export function configEndpoints({ shared, configuration: intake }: Pick<AdminPorts, "shared" | "configuration">): readonly Endpoint[] {
  const fromFile = (): Answer => problem(409, `The dynamic document is ${intake().source}, a file that is watched: edit that. Only one that a fleet shares through Redis can be replaced here.`);
  return [
    endpoint({
      method: "GET", path: "/api/v1/config", id: "getConfiguration", tag: "configuration", summary: "The dynamic document that a fleet shares, and its ETag.", permission: "read",
      answers: { 200: { means: "As it is in the store.", schema: configuration } },
      async handle() {
        const source = intake().source;
        if (shared === null) return json(200, { source, writable: false, revision: null, digest: null, text: null });
        const there = await currentText(shared.document);
        if (there === null) return json(200, { source, writable: true, revision: null, digest: null, text: null }, { etag: etag(null) });
        const parsed = parseShared(there.text, shared.document.place, null);
        return json(200, { source, writable: true, revision: parsed.ok ? parsed.value.revision : null, digest: there.digest, text: there.text }, { etag: etag(there) });
      },
    }),
    endpoint({
      method: "PUT", path: "/api/v1/config", id: "putConfiguration", tag: "configuration", summary: "Check a dynamic document and publish it to every sidecar.", permission: "configure",
      more: "`If-Match` names the document that is replaced. The document gets the next revision by itself.",
      query: z.strictObject({ reason: reasonText.default("") }),
      body: { schema: z.string().min(1, "is empty: send the whole document"), contentTypes: ["application/yaml", "application/json"], bytesMax: documentBytesMax },
      match: { demand: "required", tag: async () => (shared === null ? undefined : etag(await currentText(shared.document))) },
      answers: {
        200: { means: "Published.", schema: published }, 409: { means: "It comes from a file: edit that." }, 412: { means: "Somebody else has published another one." },
        422: { means: "It has problems; nothing was written." },
      },
      async handle({ body, query: { reason }, principal, question }) {
        if (shared === null) return fromFile();
        const { document, own } = shared;
        const parsed = parseShared(body, "body", own);
        if (!parsed.ok) return problem(422, `The document has ${parsed.problems.length === 1 ? "a problem" : `${parsed.problems.length} problems`}; nothing was written.`, {}, parsed.problems.slice(0, 50).map(told));
        const there = await currentText(document);
        // What is replaced is what was named, also where somebody has written since that was looked at.
        const changed = unmet(question.header("if-match"), etag(there), "required", "The document");
        if (changed !== null) return changed;
        const revision = await revisionFor(document, there, parsed.value.revision);
        const { answers } = await publish(document, body, there?.digest ?? null, { action: "applied", who: principal.name, revision, reason: reason === "" ? null : reason }, answersWaitMs);
        if (answers === null) return problem(412, "Somebody else has just published another document: GET it, look, and ask again with its ETag.");
        return json(200, { revision, answers: answers.map(({ instance, event, problems }) => ({ instance, event, problems })) });
      },
    }),
  ];
}

function told({ line, column, path, message, value, remedy }: ConfigProblem): { readonly in: "body"; readonly field: string; readonly detail: string } {
  return { in: "body", field: path, detail: `${line === 0 ? "" : `line ${line}, column ${column}: `}${message}${value === undefined ? "" : ` (got ${value})`}. ${remedy}.` };
}
