import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadConfiguration, loadDynamic } from "../../src/config/load.ts";
import type { Configuration } from "../../src/config/definition.ts";

const directory = join(import.meta.dirname, "../../config/kubernetes");
const files = readdirSync(directory).filter((name) => name.startsWith("with-"));

/** What these tests read of a manifest; the published schemas hold the rest. */
interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly resources?: { readonly requests?: Record<string, string>; readonly limits?: Record<string, string> };
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean; readonly subPath?: string }[];
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Pod {
  readonly securityContext: object;
  readonly terminationGracePeriodSeconds?: number;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string }; readonly emptyDir?: object }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly spec: {
    readonly template: { readonly metadata: { readonly labels: Record<string, string>; readonly annotations?: Record<string, string> }; readonly spec: Pod };
    readonly selector: Record<string, string> & { readonly matchLabels: Record<string, string> };
    readonly podSelector: { readonly matchLabels: Record<string, string> };
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly ingress: readonly { readonly from?: unknown; readonly ports: readonly { readonly port: string }[] }[];
  };
}

const schema = JSON.parse(readFileSync(join(import.meta.dirname, "schema.json"), "utf8")) as { $defs: Record<string, object> };
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(schema, "kubernetes");

/** What Kubernetes' own schema finds wrong. */
function faults(manifest: { readonly kind: string }): string[] {
  if (schema.$defs[manifest.kind] === undefined) return [`no schema is kept for a ${manifest.kind}: see scripts/kubernetes-schema.ts`];
  const validate = ajv.compile({ $ref: `kubernetes#/$defs/${manifest.kind}` });
  validate(manifest);
  return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`);
}

function manifestsOf(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(directory, file), "utf8")).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}
const of = (manifests: readonly Manifest[], kind: string): Manifest[] => manifests.filter((one) => one.kind === kind);
const fits = (labels: Record<string, string>, selector: Record<string, string>): boolean => Object.entries(selector).every(([name, value]) => labels[name] === value);

/** The sidecar's document as it would be read in the pod. */
async function configurationIn(manifests: readonly Manifest[], sidecar: Container): Promise<Configuration> {
  const place = mkdtempSync(join(tmpdir(), "ebbgate-kubernetes-"));
  try {
    const file = join(place, "ebbgate.yaml");
    writeFileSync(file, of(manifests, "ConfigMap")[0]!.data!["ebbgate.yaml"]!);
    const loaded = await loadConfiguration(file, Object.fromEntries(sidecar.env!.map(({ name, value }) => [name, value ?? "from-the-cluster"])));
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.value;
  } finally {
    rmSync(place, { recursive: true });
  }
}

describe.each(files)("config/kubernetes/%s", (file) => {
  const manifests = manifestsOf(file);
  const pods = of(manifests, "Deployment").map(({ spec }) => spec.template);
  const shop = pods[0]!;
  const sidecar = shop.spec.initContainers![0]!;

  it("is what Kubernetes' published schemas say, and no key of it is unknown", () => {
    for (const manifest of manifests) expect([manifest.metadata.name, faults(manifest)]).toEqual([manifest.metadata.name, []]);
  });

  it("runs Ebbgate as a native sidecar, with a document that is good", async () => {
    expect(sidecar).toMatchObject({ name: "ebbgate", restartPolicy: "Always" });
    const { bootstrap, dynamic, shared } = await configurationIn(manifests, sidecar);
    expect(bootstrap.identity.instance).toBe("from-the-cluster");
    if (shared === true) expect(await loadDynamic(join(directory, "routes.yaml"), {})).toMatchObject({ ok: true });
    else expect(dynamic.routes[0]!.rollouts).not.toEqual([]);
    const path = sidecar.args.at(-1)!;
    const mounts = sidecar.volumeMounts!.map(({ name, mountPath, subPath }) => ({ mountPath, subPath, volume: shop.spec.volumes!.find((one) => one.name === name) }));
    // A subPath would never see a changed ConfigMap.
    expect(mounts.find(({ mountPath }) => path === `${mountPath}/ebbgate.yaml`)).toMatchObject({ subPath: undefined, volume: { configMap: { name: of(manifests, "ConfigMap")[0]!.metadata.name } } });
    const state = bootstrap.store.type === "file" ? bootstrap.store.directory : bootstrap.store.type === "redis" ? bootstrap.store.cacheDirectory : "";
    expect(mounts.find(({ mountPath }) => state === mountPath)).toMatchObject({ volume: { emptyDir: {} } });
  });

  it("probes, scrapes and serves ports that the configuration opens", async () => {
    const { bootstrap } = await configurationIn(manifests, sidecar);
    const port = (name: string): number | undefined => sidecar.ports.find((one) => one.name === name)?.containerPort;
    expect(bootstrap.proxy.listeners.map((listener) => listener.port)).toEqual([port("http")]);
    expect(bootstrap.admin.port).toBe(port("admin"));
    expect([sidecar.startupProbe, sidecar.readinessProbe, sidecar.livenessProbe].map((probe) => probe!.httpGet)).toEqual([
      { path: "/healthz", port: "admin" }, { path: "/readyz", port: "admin" }, { path: "/healthz", port: "admin" },
    ]);
    expect(shop.metadata.annotations).toMatchObject({ "prometheus.io/port": String(port("admin")), "prometheus.io/path": "/metrics" });
    for (const { spec } of of(manifests, "Service")) {
      const pod = pods.find(({ metadata }) => fits(metadata.labels, spec.selector))!;
      const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].flatMap(({ ports }) => ports.map(({ name }) => name));
      for (const { targetPort } of spec.ports) expect(names).toContain(targetPort);
    }
    for (const { spec } of of(manifests, "Deployment")) expect(fits(spec.template.metadata.labels, spec.selector.matchLabels)).toBe(true);
    for (const { spec } of of(manifests, "PodDisruptionBudget")) expect(fits(shop.metadata.labels, spec.selector.matchLabels)).toBe(true);
  });

  it("lets nobody but a scraper reach the admin port", () => {
    const [policy] = of(manifests, "NetworkPolicy");
    expect(fits(shop.metadata.labels, policy!.spec.podSelector.matchLabels)).toBe(true);
    const open = policy!.spec.ingress.filter(({ from }) => from === undefined).flatMap(({ ports }) => ports.map(({ port }) => port));
    expect(open).toEqual(["http"]);
  });

  it("ends without cutting a request: load balancers forget the pod first, and the drain fits in what is left", async () => {
    const { bootstrap } = await configurationIn(manifests, sidecar);
    const [service] = shop.spec.containers;
    const sleeps = [sidecar, service!].map(({ lifecycle }) => lifecycle!.preStop!.sleep!.seconds);
    expect(Math.min(...sleeps)).toBeGreaterThanOrEqual(5);
    const { drainDelayMs, drainTimeoutMs } = bootstrap.proxy.limits;
    expect(Math.max(...sleeps) + (drainDelayMs + drainTimeoutMs) / 1000).toBeLessThan(shop.spec.terminationGracePeriodSeconds!);
  });

  it("asks for no right that it does not need, and for bounded memory", () => {
    for (const { spec } of pods) {
      expect(spec).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } } });
      for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
        expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } });
        expect(Object.keys(container.resources!.requests!)).toEqual(["cpu", "memory"]);
        expect(Object.keys(container.resources!.limits!)).toEqual(["memory"]);
      }
    }
  });
});

it("the kept schemas refuse what Kubernetes refuses", () => {
  const good = manifestsOf(files[0]!).find(({ kind }) => kind === "Deployment")!;
  const changed = (change: (sidecar: Record<string, unknown>) => void): string[] => {
    const copy = structuredClone(good);
    change(copy.spec.template.spec.initContainers![0] as unknown as Record<string, unknown>);
    return faults(copy);
  };
  expect(changed(() => {})).toEqual([]);
  expect(changed((sidecar) => (sidecar["readinesProbe"] = {})).join()).toContain("readinesProbe");
  expect(changed((sidecar) => (sidecar["lifecycle"] = { preStop: { sleep: { seconds: "10" } } })).join()).toContain("must be integer");
  expect(changed((sidecar) => delete sidecar["name"]).join()).toContain("name");
});

it("the routes beside the manifests are those of the manifest with a ConfigMap", async () => {
  const [map] = of(manifestsOf("with-configmap.yaml"), "ConfigMap");
  const embedded = parse(map!.data!["ebbgate.yaml"]!) as { dynamic: unknown };
  expect(parse(readFileSync(join(directory, "routes.yaml"), "utf8"))).toEqual(embedded.dynamic);
});
