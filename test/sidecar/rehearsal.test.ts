import { describe, expect, it } from "vitest";
import type { Configuration } from "../../src/config/definition.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { rehearse } from "../../src/rehearsal.ts";
import { SharedConfiguration } from "../../src/shared-configuration.ts";
import type { SharedDocument, SharedEvent } from "../../src/store/shared-document.ts";
import { Workplace } from "../support/sidecar.ts";

const own = { listeners: [], targets: [], endpoints: null, admin: { address: { host: "127.0.0.1", port: 9901 } } };
const text = JSON.stringify({ routes: [{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:3001"] }] }] });

async function bootstrap(): Promise<Configuration> {
  const place = new Workplace();
  place.writeText(JSON.stringify({ listeners: [{ address: "127.0.0.1:0" }], identity: { instance: "a" }, store: { type: "redis", address: "127.0.0.1:1" }, dynamic: { from: "store" } }));
  const loaded = await loadConfiguration(`${place.directory}/ebbgate.json`, {});
  place.clear();
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join());
  return loaded.value;
}

describe("a sidecar whose configuration is shared", () => {
  it("rehearses what it will do with documents: every step of it works on both samples", async () => {
    expect(await rehearse(own, 2)).toMatchObject({ routes: [{ name: "rehearsal", variants: [{ name: "v1" }, { name: "v2" }] }] });
  });

  it("tells the fleet that it has taken a document when its proxy threads run it, and not before", async () => {
    const events: SharedEvent[] = [];
    const told = Promise.withResolvers<void>();
    const document: SharedDocument = {
      place: "here",
      read: async () => ({ text, digest: "1", remembered: true }),
      write: async () => true,
      remember: async () => undefined,
      history: async () => [],
      watch: () => () => undefined,
      tell: async (event) => {
        events.push(event);
        told.resolve();
      },
      onEvent: () => () => undefined,
    };
    const shared = new SharedConfiguration({ document, configuration: await bootstrap(), cache: { load: async () => undefined, save: () => undefined }, random: () => 0.5, warn: () => undefined });
    const asked = Promise.withResolvers<void>();
    const threads = Promise.withResolvers<void>();
    shared.follow({
      onDocument: () => {
        asked.resolve();
        return threads.promise;
      },
      onRefused: () => undefined,
    });
    const checked = shared.check();
    await asked.promise;
    await checked;
    expect(events).toEqual([]);
    threads.resolve();
    await told.promise;
    expect(events).toMatchObject([{ event: "taken", instance: "a", digest: "1" }]);
    shared.close();
  });
});
