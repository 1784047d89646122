import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { metricTable } from "../../src/admin/metric-table.ts";
import { dashboard } from "../../scripts/grafana-dashboard.ts";
import { hasPrometheus } from "../support/prometheus.ts";

const root = join(import.meta.dirname, "../..");
const alertsFile = join(root, "config/prometheus/alerts.yaml");

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
}
const alerts = (parse(readFileSync(alertsFile, "utf8")) as { groups: readonly { rules: readonly Alert[] }[] }).groups.flatMap(({ rules }) => rules);

/** Every metric that an expression names, without what a histogram's name ends in. */
const named = (expr: string): string[] => (expr.match(/\b(?:ebbgate|process)_[a-z0-9_]+/g) ?? []).map((name) => name.replace(/_(?:bucket|sum|count)$/, ""));

it("the dashboard shows every metric of the table, and nothing else", () => {
  const shown = new Set(dashboard().panels.flatMap(({ panels = [] }) => panels).flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => named(expr)));
  expect([...shown].sort()).toEqual(metricTable.map(({ name }) => name).sort());
});

it("no two panels of the dashboard have the same number or place", () => {
  const rows = dashboard().panels;
  const ids = rows.flatMap((row) => [row, ...(row.panels ?? [])]).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const places = rows.flatMap((row) => row.panels ?? [row]).map(({ gridPos }) => JSON.stringify(gridPos));
  expect(new Set(places).size).toBe(places.length);
});

it("alerts ask only for metrics that there are", () => {
  const names = new Set(metricTable.map(({ name }) => name));
  for (const { alert, expr } of alerts) expect([alert, named(expr).filter((name) => !names.has(name))]).toEqual([alert, []]);
});

/** What makes each alert fire, and what it has to bear: series in promtool's notation, a value each 10 s. */
const job = `job="ebbgate",instance="a"`;
const rollout = `${job},route="shop",variant="v2"`;
const cases: Record<string, { readonly fires: Record<string, string>; readonly bears: Record<string, string> }> = {
  EbbgateDown: { fires: { [`up{${job}}`]: "1 0x60" }, bears: { [`up{${job}}`]: "1x60" } },
  EbbgateNotReady: { fires: { [`ebbgate_ready{${job}}`]: "0x60" }, bears: { [`ebbgate_ready{${job}}`]: "0x5 1x55" } },
  EbbgateThreadDown: { fires: { [`ebbgate_thread_up{${job},thread="1"}`]: "1x50 0x10" }, bears: { [`ebbgate_thread_up{${job},thread="1"}`]: "1x60" } },
  EbbgateFaults: { fires: { [`ebbgate_refusals_total{${job},reason="internal"}`]: "0x30 1x30" }, bears: { [`ebbgate_refusals_total{${job},reason="no_route"}`]: "0+5x60" } },
  EbbgateEscalated: { fires: { [`ebbgate_decisions_total{${rollout},reason="notVerified"}`]: "0x30 1x30" }, bears: { [`ebbgate_decisions_total{${rollout},reason="verified"}`]: "0x30 1x30" } },
  EbbgateBaselineUnhealthy: { fires: { [`ebbgate_decisions_total{${rollout},reason="sharedOutage"}`]: "0x30 1x30" }, bears: { [`ebbgate_decisions_total{${rollout},reason="sharedOutage"}`]: "1x60" } },
  EbbgateDrillFailed: { fires: { [`ebbgate_decisions_total{${rollout},reason="drillFailed"}`]: "0x30 1x30" }, bears: { [`ebbgate_decisions_total{${rollout},reason="drillPassed"}`]: "0x30 1x30" } },
  EbbgateRolledBack: { fires: { [`ebbgate_rollout_phase{${rollout},phase="verifying"}`]: "0x59 1x9" }, bears: { [`ebbgate_rollout_phase{${rollout},phase="rolledBack"}`]: "1x60" } },
  EbbgateWaitsForSomebody: { fires: { [`ebbgate_rollout_phase{${rollout},phase="paused"}`]: "1x400" }, bears: { [`ebbgate_rollout_phase{${rollout},phase="paused"}`]: "0x200 1x200" } },
  EbbgateSampleRatioMismatch: { fires: { [`ebbgate_sample_ratio_evidence{${rollout}}`]: "1000x60" }, bears: { [`ebbgate_sample_ratio_evidence{${rollout}}`]: "990x60" } },
  EbbgateRouteFails: {
    fires: { [`ebbgate_requests_total{${rollout}}`]: "0+100x60", [`ebbgate_errors_total{${rollout},reason="reset"}`]: "0+3x60", [`ebbgate_errors_total{${rollout},reason="truncated"}`]: "0+3x60" },
    bears: { [`ebbgate_requests_total{${rollout}}`]: "0+100x60", [`ebbgate_errors_total{${rollout},reason="reset"}`]: "0+4x60" },
  },
  EbbgateConfigurationRefused: { fires: { [`ebbgate_config_last_load_successful{${job}}`]: "0x60" }, bears: { [`ebbgate_config_last_load_successful{${job}}`]: "1x60" } },
  EbbgateThreadBehind: {
    fires: { [`ebbgate_config_revision{${job}}`]: "3x60", [`ebbgate_thread_revision{${job},thread="0"}`]: "2x60" },
    bears: { [`ebbgate_config_revision{${job}}`]: "3x60", [`ebbgate_thread_revision{${job},thread="0"}`]: "2x2 3x60", [`ebbgate_config_revision{job="ebbgate",instance="b"}`]: "9x60" },
  },
  EbbgateStoreUnreachable: { fires: { [`ebbgate_store_reachable{${job}}`]: "0x60" }, bears: { [`ebbgate_store_reachable{${job}}`]: "1x60" } },
  EbbgateWithoutLeader: { fires: { [`ebbgate_fleet_leader_heard{${job}}`]: "0x60" }, bears: { [`ebbgate_fleet_leader_heard{${job}}`]: "1x57 0x2" } },
  EbbgateStragglers: { fires: { [`ebbgate_fleet_stragglers{${job}}`]: "2x60" }, bears: { [`ebbgate_fleet_stragglers{${job}}`]: "0x58 2" } },
  EbbgateNotTold: { fires: { [`ebbgate_webhook_behind_records{${job},target="pager"}`]: "3x60" }, bears: { [`ebbgate_webhook_behind_records{${job},target="pager"}`]: "3x30 0x30" } },
  EbbgateDeadLetters: { fires: { [`ebbgate_webhook_dead_letters{${job},target="pager"}`]: "1x60" }, bears: { [`ebbgate_webhook_dead_letters{${job},target="pager"}`]: "0x60" } },
  EbbgateConnectionsRefused: { fires: { [`ebbgate_downstream_connections_refused_total{${job}}`]: "0+1x60" }, bears: { [`ebbgate_downstream_connections_refused_total{${job}}`]: "7x60" } },
  EbbgateControlThreadBusy: { fires: { [`ebbgate_control_busy_seconds_total{${job}}`]: "0+9x60" }, bears: { [`ebbgate_control_busy_seconds_total{${job}}`]: "0+7x60" } },
  EbbgateFilesRunOut: {
    fires: { [`process_open_fds{${job}}`]: "950x60", [`process_max_fds{${job}}`]: "1000x60" },
    bears: { [`process_open_fds{${job}}`]: "800x60", [`process_max_fds{${job}}`]: "1000x60", [`process_open_fds{job="other",instance="c"}`]: "99x60", [`process_max_fds{job="other",instance="c"}`]: "100x60" },
  },
};

describe.skipIf(!hasPrometheus)("promtool", () => {
  it("finds nothing wrong with the alerts and the scrape configuration", () => {
    for (const args of [["check", "rules", alertsFile], ["check", "config", join(root, "config/prometheus/prometheus.yaml")]]) {
      const { status, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
      expect([args[2], status, stderr]).toEqual([args[2], 0, stderr]);
    }
  });

  it("makes each alert fire on what it is for, and not on what it is not for", () => {
    expect(Object.keys(cases)).toEqual(alerts.map(({ alert }) => alert));
    const test = (alert: string, series: Record<string, string>, fires: boolean): object => ({
      name: `${alert} ${fires ? "fires" : "bears it"}`,
      interval: "10s",
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      // What fires is asked by an expression, which needs no copy of labels and texts.
      promql_expr_test: [{
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
        eval_time: alert === "EbbgateWaitsForSomebody" ? "66m" : "10m",
        exp_samples: fires ? [{ labels: "{}", value: 1 }] : [],
      }],
    });
    const tests = Object.entries(cases).flatMap(([alert, { fires, bears }]) => [test(alert, fires, true), test(alert, bears, false)]);
    const directory = mkdtempSync(join(tmpdir(), "ebbgate-alerts-"));
    try {
      const file = join(directory, "test.yaml");
      writeFileSync(file, JSON.stringify({ rule_files: [alertsFile], evaluation_interval: "10s", tests }));
      const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
      expect(status, `${stdout}${stderr}`).toBe(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
