/**
 * The status page's script. Plain browser JavaScript in a string, because it is sent as it stands and the page may load
 * nothing; names from the configuration reach the page as text nodes only.
 */
export const pageScript = String.raw`"use strict";
const historyMin = 30;
const historyMax = 150;
const past = new Map();
const main = document.querySelector("main");
const el = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
const svg = (tag, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};
const color = (index) => Math.min(index, 8);
const none = "\u2013";
const number = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (value) => (value === null ? none : (value > 0 && value < 0.001 ? "<0.1" : number(value * 100, value < 0.1 ? 1 : 0)) + "%");
const millis = (value) => (value === null ? none : value >= 1000 ? number(value / 1000, 2) + " s" : number(value, value < 10 ? 1 : 0) + " ms");
const weight = (value) => number(value, Number.isInteger(value) ? 0 : value < 1 ? 3 : 1) + "%";
const duration = (seconds) => {
  const s = Math.max(0, Math.floor(seconds));
  return s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min " + (s % 60) + " s" : Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
};
const words = (name) => name.replace(/([A-Z])/g, (letter) => " " + letter.toLowerCase());
const tone = { succeeded: "good", retired: "soft", rollingBack: "bad", verifying: "bad", rolledBack: "bad", paused: "warn", waiting: "warn", pending: "soft" };

function header(status) {
  document.querySelector("#who").textContent = [status.instance, status.region, status.zone].filter(Boolean).join(" \u00b7 ");
  const state = document.querySelector("#ready");
  state.textContent = status.ready ? "ready" : "not ready";
  state.className = "chip " + (status.ready ? "good" : "bad");
  const up = status.threads.filter((thread) => thread.alive && thread.revision === status.revision).length;
  document.querySelector("#facts").textContent =
    "revision " + status.revision + " on " + up + " of " + status.threads.length + (status.threads.length === 1 ? " thread" : " threads") + " \u00b7 " +
    number(status.connections.downstream, 0) + " connections \u00b7 up " + duration(status.uptimeSeconds);
  document.querySelector("#version").textContent = "Ebbgate " + status.version + " on Node " + status.node;
}

function notices(status) {
  const texts = [...status.notReady];
  const refused = status.configuration.lastRefusal;
  if (!status.configuration.lastLoadOk && refused) texts.push("The last configuration was refused, the one before serves on: " + refused.detail);
  return texts.length === 0 ? null : el("section", { class: "card notice" }, ...texts.map((text) => el("div", {}, text)));
}

function bar(variants) {
  const node = el("div", { class: "bar", role: "img", "aria-label": variants.map((v) => v.name + " " + weight(v.weight)).join(", ") });
  variants.forEach((variant, index) => {
    if (variant.weight === 0) return;
    const part = el("span", { class: "s" + color(index) + (variant.weight < 12 ? " thin" : ""), title: variant.name + " " + weight(variant.weight) }, variant.name + " " + weight(variant.weight));
    part.style.width = variant.weight + "%";
    node.append(part);
  });
  return node;
}

function variantRows(variants) {
  const heads = ["variant", "weight", "requests/s", "errors", "p50", "p99", "in flight", "rescued", "requests"];
  const body = variants.map((variant, index) => {
    const { recent, totals } = variant;
    const errors = Object.entries(recent.errors).map(([reason, count]) => reason + " " + count).join(", ");
    return el("tr", {},
      el("td", { title: variant.endpoints.join(", ") }, el("span", { class: "dot s" + color(index) }), el("strong", {}, variant.name), el("span", { class: "soft" }, variant.baseline ? " baseline" : " candidate")),
      el("td", {}, weight(variant.weight)), el("td", {}, number(recent.requestsPerSecond, 1)),
      el("td", { class: recent.errorRate >= 0.01 ? "bad" : "", title: errors }, percent(recent.errorRate)),
      el("td", {}, millis(recent.p50Ms)), el("td", {}, millis(recent.p99Ms)), el("td", {}, number(variant.inFlight, 0)),
      el("td", { title: "failed here, answered by the baseline, since the start" }, number(totals.fallbacks, 0)), el("td", {}, number(totals.requests, 0)));
  });
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", {}, head)))), el("tbody", {}, ...body)));
}

function chart(title, samples, read, show, least) {
  const span = Math.max(historyMin, samples.length);
  const top = Math.max(least, ...samples.flatMap((sample) => sample.map(read)).filter((value) => value !== null));
  const node = svg("svg", { class: "chart", viewBox: "0 0 " + (span - 1) + " 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  const series = Math.max(...samples.map((sample) => sample.length));
  for (let index = 0; index < series; index++) {
    let points = [];
    const draw = () => {
      if (points.length > 1) node.append(svg("polyline", { class: "l" + color(index), points: points.join(" ") }));
      points = [];
    };
    samples.forEach((sample, at) => {
      const value = sample[index] === undefined ? null : read(sample[index]);
      if (value === null) draw();
      else points.push((span - samples.length + at) + "," + (95 - (value / top) * 88));
    });
    draw();
  }
  return el("div", {}, el("h3", {}, title, el("span", {}, "top " + show(top))), node);
}

function charts(route) {
  const samples = past.get(route.name) || [];
  samples.push(route.variants);
  if (samples.length > historyMax) samples.shift();
  past.set(route.name, samples);
  if (samples.length < 2) return null;
  return el("div", { class: "charts" },
    chart("weight", samples, (v) => v.weight, weight, 100),
    chart("error rate, 10 s", samples, (v) => v.recent.errorRate, percent, 0.01),
    chart("p99 first byte, 10 s", samples, (v) => v.recent.p99Ms, millis, 1));
}

function meter(wealth, threshold, over, title) {
  // Evidence multiplies, so its way to the threshold is shown on a logarithmic scale.
  const fill = el("span", { class: over ? "over" : "" });
  fill.style.width = Math.max(0, Math.min(100, (Math.log1p(wealth) / Math.log1p(threshold)) * 100)) + "%";
  return el("td", { title }, el("span", { class: "meter" }, fill));
}

function breakerRow(breaker) {
  const known = breaker.bad + breaker.ok;
  return el("tr", {}, el("td", {}, "breaker"), el("td", {}, percent(known > 0 ? breaker.bad / known : null)), el("td", {}, none), el("td", {}, percent(breaker.bound)),
    meter(breaker.wealth, breaker.threshold, breaker.tripped, breaker.bad + " bad of " + known + ", from " + breaker.clients + " clients or more"),
    el("td", { class: breaker.tripped ? "bad" : "soft" }, breaker.tripped ? "tripped" : breaker.bound >= 0.8 ? "off" : "armed"));
}

// What was given to whom since the weights last changed, and whether that is the split that was made.
function splitRow(split) {
  const { candidate, baseline, share, mismatch } = split;
  const all = candidate + baseline;
  return el("tr", {}, el("td", {}, "split of " + (split.counts === "requests" ? "requests" : "users")), el("td", {}, number(candidate, 0)), el("td", {}, number(baseline, 0)),
    el("td", {}, weight(share * 100) + " expected" + (all > 0 ? ", is " + weight((candidate / all) * 100) : "")),
    meter(split.evidence, split.threshold, mismatch, "odds of " + split.evidence.toPrecision(3) + " against the split; from " + split.threshold + " on the rollout holds"),
    el("td", { class: mismatch ? "bad" : "soft" }, mismatch ? "mismatch" : "as dealt"));
}

function limitRows(limits, breaker, split) {
  const value = (limit, x) => (limit.metric === "latency" ? millis(x) : limit.metric !== "custom" ? percent(x) : x === null ? none : String(Number(x.toPrecision(3))));
  const body = limits.map((limit) => {
    const over = limit.verdict === "breached";
    return el("tr", {},
      el("td", {}, words(limit.metric) + (limit.quantile || limit.name ? " " + (limit.quantile || limit.name) : "")),
      el("td", {}, value(limit, limit.candidateValue)), el("td", {}, value(limit, limit.baselineValue)), el("td", {}, value(limit, limit.limitValue)),
      meter(limit.wealth, limit.threshold, over, "evidence " + limit.wealth.toPrecision(3) + " of the " + limit.threshold + " that this action's limits need together"),
      el("td", { class: over ? "bad" : limit.verdict === "healthy" ? "good" : "soft" }, limit.verdict));
  });
  body.push(breakerRow(breaker));
  if (split) body.push(splitRow(split));
  const heads = ["limit", "candidate", "baseline", "may be", "evidence against", "verdict"];
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", {}, head)))), el("tbody", {}, ...body)));
}

function decisionList(decisions) {
  return el("ol", {}, ...decisions.slice(-8).reverse().map((decision) =>
    el("li", {}, el("time", {}, new Date(decision.atMs).toLocaleTimeString("en-GB")), el("b", { class: tone[decision.to] || "" }, words(decision.reason)), el("p", {}, decision.sentence))));
}

function rolloutPart(rollout, nowMs) {
  const steps = rollout.steps.map((step) => weight(step)).join(" \u2192 ");
  const state = words(rollout.phase) + (rollout.waiting ? " for " + words(rollout.waiting) : "") + (rollout.escalated ? ", escalated" : "");
  return [
    el("h3", {}, "rollout of " + rollout.candidate + (rollout.revision ? " (" + rollout.revision + ")" : "") + (rollout.experiment ? ", one of " + rollout.experiment.candidates + " candidates" : "")),
    el("div", { class: "row" }, el("span", { class: "chip " + (tone[rollout.phase] || "") }, state), el("span", { class: "soft" }, "for " + duration((nowMs - rollout.sinceMs) / 1000)),
      el("span", { class: "soft" }, "step " + (rollout.step + 1) + " of " + rollout.steps.length + ": " + steps),
      el("span", { class: "soft" }, number(rollout.badResponses, 0) + " bad responses" + (rollout.exposureBudget === null ? "" : " of " + rollout.exposureBudget + " allowed"))),
    limitRows(rollout.limits, rollout.breaker, rollout.split),
    rollout.decisions.length ? el("h3", {}, "last decisions") : null,
    rollout.decisions.length ? decisionList(rollout.decisions) : null,
  ];
}

function routeCard(route, rollouts, nowMs) {
  const { match } = route;
  const where = [match.methods.join(" "), match.hosts.join(", "), match.path.value + (match.path.kind === "prefix" ? (match.path.value.endsWith("/") ? "*" : "/*") : "")].filter(Boolean).join(" ");
  return el("section", { class: "card" }, el("div", { class: "row" }, el("h2", {}, route.name), el("span", { class: "soft" }, where)),
    bar(route.variants), variantRows(route.variants), charts(route), ...rollouts.flatMap((rollout) => rolloutPart(rollout, nowMs)));
}

function show(status) {
  header(status);
  const nowMs = Date.parse(status.time);
  const cards = status.routes.map((route) => routeCard(route, status.rollouts.filter((rollout) => rollout.route === route.name), nowMs));
  if (cards.length === 0) cards.push(el("section", { class: "card soft" }, "No route is configured."));
  const parts = [notices(status), ...cards].filter(Boolean);
  main.replaceChildren(...parts);
}

// In this tab, until it is closed; the page's policy lets nobody else's script read it.
const kept = "ebbgate-token";
function askForToken(refused) {
  if (document.querySelector("#token")) return;
  const field = el("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", "aria-label": "token" });
  const use = () => {
    sessionStorage.setItem(kept, field.value.trim());
    main.replaceChildren();
    void poll();
  };
  const button = el("button", { type: "button" }, "show");
  button.addEventListener("click", use);
  field.addEventListener("keydown", (event) => event.key === "Enter" && use());
  main.replaceChildren(el("section", { class: "card" }, el("h2", {}, "Who is it?"), el("p", {}, (refused ? "That token is not taken. " : "") + "A token with any role shows this page: ebbgate token create makes one."), el("div", { class: "row" }, field, button)));
  field.focus();
}

let asking = false;
async function poll() {
  if (document.hidden || asking || document.querySelector("#token")) return;
  asking = true;
  try {
    const token = sessionStorage.getItem(kept);
    const response = await fetch("/api/v1/status", { signal: AbortSignal.timeout(3000), headers: token ? { authorization: "Bearer " + token } : {} });
    if (response.status === 401) {
      sessionStorage.removeItem(kept);
      askForToken(token !== null);
    }
    if (!response.ok) throw new Error("status " + response.status);
    show(await response.json());
  } catch (error) {
    const state = document.querySelector("#ready");
    state.textContent = "no answer";
    state.className = "chip bad";
    document.querySelector("#facts").textContent = "what is below is old (" + error.message + ")";
  } finally {
    asking = false;
  }
}
document.addEventListener("visibilitychange", () => void poll());
setInterval(poll, 1000);
void poll();
`;
