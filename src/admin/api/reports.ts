/** What a rollout was, as a document. */
import { z } from "zod";
import { reportHtml, reportMarkdown } from "../../report/document.ts";
import { readReport } from "../../report/read.ts";
import type { Report } from "../../report/report.ts";
import type { AdminPorts } from "../ports.ts";
import { type Answer, json, problem } from "../problem.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { named } from "./shapes.ts";

/** It loads nothing, whatever somebody wrote into a reason. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const formats: Readonly<Record<"markdown" | "html" | "json", (report: Report) => Answer>> = {
  markdown: (report) => ({ status: 200, contentType: "text/markdown; charset=utf-8", body: reportMarkdown(report) }),
  html: (report) => ({ status: 200, contentType: "text/html; charset=utf-8", body: reportHtml(report), headers: { "content-security-policy": policy } }),
  json: (report) => json(200, report),
};

export function reportEndpoints({ audit }: Pick<AdminPorts, "audit">): readonly Endpoint[] {
  return [
    endpoint({
      method: "GET", path: "/api/v1/rollouts/{name}/report", id: "getReport", tag: "rollouts", summary: "The report on a rollout: timeline, who was exposed, evidence with plots, who did what, recovery, budget.", permission: "read", params: named("rollout"),
      more: "Without `revision`: of the last run that went back, or the last one. It is made of the audit records that the store has at hand; `ebbgate report` reads archives as well.",
      query: z.strictObject({ format: z.enum(["markdown", "html", "json"], "is markdown, html or json").default("markdown"), revision: z.string().max(253).optional() }),
      answers: { 200: { means: "The document.", contentType: ["text/markdown", "text/html"], schema: z.record(z.string(), z.unknown()) }, 404: { means: "The audit log knows no such rollout, or not of that revision." } },
      async handle({ params: { name }, query: { format, revision } }) {
        const report = await readReport(audit, name, revision);
        return report === null ? problem(404, `The audit log knows no rollout ${JSON.stringify(name)}${revision === undefined ? "" : ` of revision ${JSON.stringify(revision)}`}: GET /api/v1/rollouts lists those that run, ebbgate report reads archives.`) : formats[format](report);
      },
    }),
  ];
}
