/** PITFALLS 28: a name that resolves to a metadata service leads nowhere. */
import type { LookupAddress } from "node:dns";
import { expect, it } from "vitest";
import { lookupEndpoint } from "../../src/proxy/endpoint-lookup.ts";

const look = (name: string, all: boolean): Promise<{ readonly code: string | undefined; readonly found: string | LookupAddress[] }> =>
  new Promise((resolve) => lookupEndpoint(name, { all }, (error, found) => resolve({ code: error?.code, found })));

it("answers with the addresses of a name", async () => {
  expect(await look("127.0.0.1", true)).toEqual({ code: undefined, found: [{ address: "127.0.0.1", family: 4 }] });
  expect(await look("127.0.0.1", false)).toEqual({ code: undefined, found: "127.0.0.1" });
});

it.each(["169.254.169.254", "fe80::1", "100.100.100.200"])("does not answer with %s", async (address) => {
  expect(await look(address, true)).toEqual({ code: "REFUSED_ADDRESS", found: [] });
  expect(await look(address, false)).toEqual({ code: "REFUSED_ADDRESS", found: "" });
});
