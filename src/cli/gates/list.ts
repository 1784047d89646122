/** `ebbgate gates list` and `report`: every gate, how far it is open, how it was used, and whether it should go. */
import type { GateReport } from "../../gates/report.ts";
import type { Stale } from "../../gates/stale.ts";
import type { GateExposure } from "../../gates/state.ts";
import { columns } from "../columns.ts";
import { describeClosure } from "./describe.ts";

export function listText(reports: readonly GateReport[], staleOnly: boolean): string {
  if (reports.length === 0) return staleOnly ? "no gate is stale\n" : "the document has no gates\n";
  const rows = reports.map(({ name, route, variant, exposure, owner, sunset, facts, stale }) => [
    name, `${route}/${variant}`, stateText(exposure), facts === null ? "-" : facts.since.slice(0, 10), owner ?? "-", sunset ?? "-", staleText(stale),
  ]);
  const lines = columns([["GATE", "OPENS", "STATE", "SINCE", "OWNER", "SUNSET", "STALE"], ...rows]);
  const remedies = staleOnly ? reports.flatMap(({ name, stale }) => stale.map(({ reason, remedy }) => `${name}: ${reason}: ${remedy}\n`)) : [];
  return `${lines}${remedies.length > 0 ? `\n${remedies.join("")}` : ""}`;
}

function stateText({ state, weight, closed, regionsBelow }: GateExposure): string {
  if (closed !== null) return `${state} (${describeClosure(closed).replace(/^closed: /, "")})`;
  return `${state} (${weight}%${regionsBelow.length === 0 ? "" : `, less in ${regionsBelow.join(", ")}`})`;
}

const staleText = (stale: readonly Stale[]): string => stale.map(({ reason, days }) => `${reason} ${days}d`).join(", ") || "-";

/** Markdown, to be pasted into a review. @param nowMs of the report */
export function reportText(reports: readonly GateReport[], place: string, nowMs: number): string {
  const at = new Date(nowMs).toISOString();
  const stale = reports.filter((report) => report.stale.length > 0).length;
  const states = ["hidden", "partial", "full"].map((state) => `${reports.filter(({ exposure }) => exposure.state === state).length} ${state}`).join(", ");
  const parts = [`# Gates, ${at.slice(0, 10)}\n`, `${reports.length} ${reports.length === 1 ? "gate" : "gates"} in ${place}: ${states}; ${stale} stale.\n`, ...reports.map((report) => section(report))];
  return parts.join("\n");
}

function section({ name, description, owner, ticket, created, sunset, criteria, route, variant, rules, exposure, kill, facts, stale }: GateReport): string {
  const said = (label: string, value: string | null): string[] => (value === null ? [`- **${label}**: not said`] : [`- **${label}**: ${value}`]);
  const used = facts?.requests;
  const lines = [
    `## ${name}`, "", ...(description === null ? [] : [description, ""]),
    `- **State**: ${stateText(exposure)}${facts === null ? ", not seen by a sidecar yet" : ` since ${facts.since.slice(0, 10)}`}`,
    ...(kill === null ? [] : [`- **Killed** ${kill.at} by ${kill.who}: ${kill.reason}`]),
    ...said("Owner", owner), ...said("Ticket", ticket), `- **Life**: ${created ?? "?"} to ${sunset ?? "?"}`, ...said("Criteria", criteria),
    `- **Opens**: ${variant} on route ${route}, ${rules} ${rules === 1 ? "rule" : "rules"}`,
    ...(used === undefined ? [] : [`- **Requests** since ${facts!.first.slice(0, 10)}: ${used.weighted} by weight, ${used.allowed} allowed, ${used.targeted} targeted, ${used.denied} denied, ${used.killed} while killed; last ${facts!.traffic ?? "never"}`]),
    ...stale.map(({ reason, days, remedy }) => `- **Stale** (${reason}, ${days} days): ${remedy}`),
  ];
  return `${lines.join("\n")}\n`;
}
