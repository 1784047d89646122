/** PITFALLS 28: what endpoints a dynamic document may name, whoever wrote it. */
import { networkInterfaces } from "node:os";
import { expect, it } from "vitest";
import { selfEndpointFindings } from "../../src/config/bootstrap-checks.ts";
import { checkDynamic } from "../../src/config/dynamic-checks.ts";
import { endpointFindings, parseAllowedEndpoint } from "../../src/config/endpoint-checks.ts";
import { Refusal } from "../../src/config/scalars.ts";

const ownAddress = Object.values(networkInterfaces()).flatMap((of) => of ?? []).find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";

const found = (endpoint: string, allow: readonly string[] | null): string[] => {
  const checked = checkDynamic({ routes: [{ name: "shop", variants: [{ name: "v1", endpoints: [endpoint] }] }] }, []);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return endpointFindings(allow, checked.routes).map(({ path, message }) => `${path.join(".")} ${message}`);
};

it.each(["http://169.254.169.254", "http://[fd00:ec2::254]", "http://[fe80::1]", "http://100.100.100.200:80", "http://[::ffff:169.254.169.254]", "http://224.0.0.1", "http://0.0.0.0:80"])("no list allows %s", (endpoint) => {
  for (const allow of [null, ["0.0.0.0/0", "::/0"]]) expect(found(endpoint, allow)).toEqual(["routes.0.variants.0.endpoints.0 is a link-local, metadata or multicast address"]);
});

it("without a list any other endpoint may be named", () => {
  for (const endpoint of ["http://10.1.2.3:80", "http://shop.internal:80", "unix:/run/shop.sock", "http://8.8.8.8"]) expect(found(endpoint, null)).toEqual([]);
});

it.each([
  ["10.0.0.0/8", ["http://10.1.2.3"], ["http://11.1.2.3", "http://[fd00::1]", "http://ten.internal", "unix:/run/x"]],
  ["10.0.0.7", ["http://10.0.0.7:1", "http://[::ffff:10.0.0.7]:1"], ["http://10.0.0.8"]],
  ["fd00::/8", ["http://[fd12::1]"], ["http://[fe12::1]", "http://10.0.0.1"].slice(1)],
  ["shop.internal", ["http://shop.internal:8080", "http://SHOP.internal"], ["http://x.shop.internal", "http://shop.internal.evil"]],
  ["*.svc.cluster.local", ["http://shop.prod.svc.cluster.local"], ["http://svc.cluster.local", "http://xsvc.cluster.local"]],
  ["unix:/run/shop.sock", ["unix:/run/shop.sock"], ["unix:/run/shop.sock2", "unix:/run/docker.sock"]],
  ["unix:/run/shop/", ["unix:/run/shop/a.sock"], ["unix:/run/shop/../docker.sock", "unix:/run/shopping/a.sock"]],
])("a list with %s allows what it says and nothing else", (allow, good, bad) => {
  expect(parseAllowedEndpoint(allow)).not.toBeInstanceOf(Refusal);
  for (const endpoint of good) expect([endpoint, found(endpoint, [allow])]).toEqual([endpoint, []]);
  for (const endpoint of bad) expect([endpoint, found(endpoint, [allow])]).toEqual([endpoint, ["routes.0.variants.0.endpoints.0 is not in endpoints.allow of the bootstrap document"]]);
});

it("refuses what is no entry of a list", () => {
  for (const wrong of ["", "10.0.0.0/33", "http://a", "a b", "unix:run", "*", 7]) expect([wrong, parseAllowedEndpoint(wrong) instanceof Refusal]).toEqual([wrong, true]);
});

it.each([["127.0.0.1", "http://127.0.0.1:9901"], ["127.0.0.1", "http://localhost:9901"], ["127.0.0.1", "http://[::ffff:127.0.0.1]:9901"], ["0.0.0.0", "http://127.0.0.2:9901"], ["::", "http://[::1]:9901"], ["10.0.0.1", "http://10.0.0.1:9901"], ["0.0.0.0", `http://${ownAddress}:9901`]])(
  "an admin API on %s is no endpoint: %s", (host, endpoint) => {
    const checked = checkDynamic({ routes: [{ name: "shop", variants: [{ name: "v1", endpoints: [endpoint] }] }] }, []);
    expect(selfEndpointFindings({ listeners: [], admin: { address: { host, port: 9901 } } }, checked.routes).map(({ message }) => message)).toEqual(["is the admin API of this sidecar"]);
  });
