/** PITFALLS 28: a name that resolves to a metadata service, or to the admin port, leads nowhere. */
import type { LookupAddress } from "node:dns";
import { expect, it } from "vitest";
import { guardAdmin, lookupEndpoint } from "../../src/proxy/endpoint-lookup.ts";

const look = (name: string, all: boolean, port = 80): Promise<{ readonly code: string | undefined; readonly found: string | LookupAddress[] }> =>
  new Promise((resolve) => lookupEndpoint(port)(name, { all }, (error, found) => resolve({ code: error?.code, found })));

it("answers with the addresses of a name", async () => {
  expect(await look("127.0.0.1", true)).toEqual({ code: undefined, found: [{ address: "127.0.0.1", family: 4 }] });
  expect(await look("127.0.0.1", false)).toEqual({ code: undefined, found: "127.0.0.1" });
});

it.each(["169.254.169.254", "fe80::1", "100.100.100.200"])("does not answer with %s", async (address) => {
  expect(await look(address, true)).toEqual({ code: "REFUSED_ADDRESS", found: [] });
  expect(await look(address, false)).toEqual({ code: "REFUSED_ADDRESS", found: "" });
});

it.each([["127.0.0.1", "127.0.0.2"], ["0.0.0.0", "127.0.0.1"], ["::", "::1"], ["::1", "127.0.0.1"], ["10.0.0.1", "10.0.0.1"]])("does not lead to an admin API on %s by resolving to %s, on its port", async (host, address) => {
  guardAdmin({ host, port: 9901 });
  try {
    expect(await look(address, false, 9901)).toEqual({ code: "REFUSED_ADDRESS", found: "" });
    expect(await look(address, false, 3000)).toEqual({ code: undefined, found: address });
  } finally {
    guardAdmin(null);
  }
});
