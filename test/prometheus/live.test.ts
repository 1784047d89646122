/** A real Prometheus scrapes real sidecars with traffic, and runs every query of the dashboard and of the alerts on them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { dashboard } from "../../scripts/grafana-dashboard.ts";
import { metricSections } from "../../scripts/metric-sections.ts";
import { service, type Service } from "../support/fleet-processes.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { hasPrometheus, Prometheus } from "../support/prometheus.ts";
import { signingKey } from "../support/receiver.ts";
import { hasRedis, RedisServer, until } from "../support/redis.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";

const alertsFile = join(import.meta.dirname, "../../config/prometheus/alerts.yaml");
const alerts = (parse(readFileSync(alertsFile, "utf8")) as { groups: readonly { rules: readonly { alert: string; expr: string }[] }[] }).groups.flatMap(({ rules }) => rules);

/** As Grafana fills in its variables. */
const filled = (expr: string): string => expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(?:job|instance|route)\b/g, ".*");

/** Where a panel shows nothing while all is well. */
const emptyWhenWell = new Set([
  // Needs dispatches older than a few seconds of a split that has not changed since.
  "ebbgate_sample_ratio_evidence",
  // Only where this sidecar lowered by itself.
  "ebbgate_fleet_lowered",
  // Only after a rollback.
  "Rollbacks",
  ...(hasRedis ? [] : metricSections.find(({ title }) => title === "Fleet")!.rows.map(({ name }) => name)),
]);

describe.skipIf(!hasPrometheus)("on a real Prometheus", () => {
  const services: Service[] = [];
  const places: Workplace[] = [];
  let collector: OtlpReceiver;
  let redis: RedisServer | undefined;
  let prometheus: Prometheus;
  let sidecars: SidecarProcess[];
  let sending = true;
  let sent: Promise<unknown>;

  beforeAll(async () => {
    services.push(await service("v1"), await service("v2"), await service("broken"));
    services[2]!.failing = true;
    const variants = [{ name: "v1", endpoints: [services[0]!.url] }, { name: "v2", endpoints: [services[1]!.url] }];
    const rollout = { candidate: "v2", steps: [{ weight: 30, dwell: "1h" }, 100], limits: [{ metric: "errorRate", action: "notify" }, { metric: "conversion", name: "order", goal: { path: "/order" } }] };
    const routes: object[] = [{ name: "shop", cohort: { key: ["header:x-user"] }, mirror: { variant: "v2", share: "100%" }, variants, rollout }];
    routes.unshift({ name: "broken", match: { path: "/broken" }, variants: [{ name: "v1", endpoints: [services[2]!.url] }] });
    const webhooks = { allow: ["127.0.0.1"], targets: [{ name: "events", url: services[0]!.url, secret: signingKey, notify: {} }] };
    collector = await OtlpReceiver.start();
    if (hasRedis) redis = await RedisServer.start();
    const stores = redis === undefined ? [{ type: "file" }] : [{ type: "file" }, { type: "redis", address: `127.0.0.1:${redis.port}` }];
    sidecars = await Promise.all(stores.map(async (store) => {
      const place = new Workplace();
      places.push(place);
      place.write(routes, { tracing: { export: { url: collector.url } }, store, webhooks });
      return place.start();
    }));
    sent = Promise.all(sidecars.map(async ({ proxy }) => {
      for (let user = 0; sending; user++) {
        for (const path of ["/", "/order", "/broken"]) await (await fetch(`${proxy}${path}`, { headers: { "x-user": `user-${user % 200}` } })).text();
      }
    }));
    prometheus = await Prometheus.start({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [alertsFile],
      scrape_configs: [{ job_name: "ebbgate", static_configs: [{ targets: sidecars.map(({ admin }) => new URL(admin).host) }] }],
    });
    // Rates need two scrapes of each.
    await until(async () => (await prometheus.query(`count_over_time(ebbgate_ready[1m]) >= 3`)).length === sidecars.length, 60_000);
  }, 120_000);

  afterAll(async () => {
    sending = false;
    await sent;
    await prometheus?.stop();
    await redis?.stop();
    collector.stop();
    for (const place of places) place.clear();
    for (const { server } of services) {
      server.closeAllConnections();
      server.close();
    }
  });

  it("is scraped without complaint", async () => {
    expect(await prometheus.scrapeErrors()).toEqual([]);
  });

  const { panels, annotations } = dashboard() as unknown as { panels: readonly Panel[]; annotations: { list: readonly { name: string; expr: string }[] } };
  interface Panel {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
    readonly panels?: readonly Panel[];
  }
  const queries = [
    ...panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
    ...annotations.list.map(({ name, expr }) => ({ title: name, expr })),
  ];

  it("every query of the dashboard is understood, and has data where there should be some", async () => {
    const empty = async (): Promise<string[]> => {
      const found: string[] = [];
      for (const { title, expr } of queries) if ((await prometheus.query(filled(expr))).length === 0 && !emptyWhenWell.has(title)) found.push(`${title}: ${expr}`);
      return found;
    };
    // Some of it takes a moment: a mirrored copy, a decision, a lease.
    let last: string[] = [];
    await until(async () => (last = await empty()).length === 0, 60_000).catch(() => {});
    expect(last).toEqual([]);
  }, 90_000);

  it("what the dashboard shows is what was sent", async () => {
    const { expr } = queries.find(({ title }) => title === "Errors per request")!;
    const shares = Object.fromEntries((await prometheus.query(filled(expr))).map(({ metric, value }) => [`${metric["route"]} ${metric["variant"]}`, Math.round(Number(value[1]) * 100) / 100]));
    // To the percent: a scrape may come between a request and its failure.
    expect(shares).toEqual({ "shop v1": 0, "shop v2": 0, "broken v1": 1 });
  });

  it("every alert is understood, and none that is not true is raised", async () => {
    let rules = await prometheus.rules();
    await until(async () => (rules = await prometheus.rules()).every(({ health }) => health !== "unknown"), 30_000);
    expect(rules.map(({ name }) => name)).toEqual(alerts.map(({ alert }) => alert));
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
    for (const { expr } of alerts) await prometheus.query(expr);
    // A lease takes a moment, and so may a revision: what stays is what counts.
    const raised = (): string[] => rules.filter(({ state }) => state !== "inactive").map(({ name }) => name);
    await until(async () => {
      rules = await prometheus.rules();
      return raised().join() === "EbbgateRouteFails";
    }, 30_000).catch(() => {});
    expect(raised()).toEqual(["EbbgateRouteFails"]);
  }, 90_000);

  it("a refused configuration raises its alert", async () => {
    places[0]!.writeText("{}");
    await until(async () => (await prometheus.rules()).some(({ name, state }) => name === "EbbgateConfigurationRefused" && state !== "inactive"), 30_000);
    const { query } = (await prometheus.rules()).find(({ name }) => name === "EbbgateConfigurationRefused")!;
    expect((await prometheus.query(query)).map(({ metric }) => metric["instance"])).toEqual([new URL(sidecars[0]!.admin).host]);
  }, 60_000);
});
