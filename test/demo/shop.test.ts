import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../examples/shop/main.ts", import.meta.url));

interface Shop {
  readonly child: ChildProcess;
  readonly url: string;
  readonly control: string;
}

async function startShop(version: string): Promise<Shop> {
  const child = spawn(process.execPath, [script, "--version", version], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  while (!output.includes("\n")) output += String((await once(child.stdout, "data"))[0]);
  const [, url, control] = /serves (\S+) \(control (\S+)\)/.exec(output)!;
  return { child, url: url!, control: control! };
}

async function withFault(shop: Shop, fault: string, look: () => Promise<void>): Promise<void> {
  expect((await fetch(`${shop.control}/fault/${fault}`, { method: "POST" })).status).toBe(200);
  await look();
  expect((await fetch(`${shop.control}/fault/none`, { method: "POST" })).status).toBe(200);
}

describe("the example shop", () => {
  let v1: Shop;
  let v2: Shop;
  beforeAll(async () => {
    [v1, v2] = await Promise.all([startShop("1"), startShop("2")]);
  });
  afterAll(async () => {
    for (const { child } of [v1, v2]) {
      if (child.exitCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  test("version 2 shows its new feature, and both say which version answered", async () => {
    const [old, young] = await Promise.all([v1, v2].map((shop) => fetch(`${shop.url}/products/p7`)));
    expect([old!.headers.get("shop-version"), young!.headers.get("shop-version")]).toEqual(["1", "2"]);
    expect(await old!.json()).not.toHaveProperty("recommendations");
    expect(await young!.json()).toHaveProperty("recommendations");
  });

  test("an order is taken and can be read again", async () => {
    const order = { lines: [{ product: "p7", quantity: 2 }] };
    const placed = await fetch(`${v1.url}/orders`, { method: "POST", body: JSON.stringify(order), headers: { "x-user": "ann" } });
    expect(placed.status).toBe(201);
    const read = await fetch(`${v1.url}${placed.headers.get("location")}`);
    expect(await read.json()).toMatchObject({ order: { user: "ann", lines: order.lines } });
  });

  test.each([
    ["no JSON", "{", "body"],
    ["no lines", "{}", "lines"],
    ["an unknown product", '{"lines":[{"product":"p999","quantity":1}]}', "lines[0].product"],
    ["half a thing", '{"lines":[{"product":"p1","quantity":0.5}]}', "lines[0].quantity"],
  ])("an order with %s is refused, and the answer names the field", async (_what, body, field) => {
    const answer = await fetch(`${v1.url}/orders`, { method: "POST", body });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ field });
  });

  test("a cart keeps what its user put in, and nobody else's", async () => {
    const headers = { "x-user": "bob" };
    await fetch(`${v1.url}/cart/items/p3`, { method: "PUT", body: '{"quantity":4}', headers });
    expect(await (await fetch(`${v1.url}/cart`, { headers })).json()).toMatchObject({ lines: [{ product: "p3", quantity: 4 }] });
    expect(await (await fetch(`${v1.url}/cart`, { headers: { "x-user": "eve" } })).json()).toMatchObject({ lines: [] });
  });

  test("prices arrive over a WebSocket, which closes when asked to", async () => {
    const socket = new WebSocket(`${v2.url.replace("http", "ws")}/prices`);
    const [message] = (await once(socket, "message")) as [MessageEvent];
    expect(JSON.parse(String(message.data))).toMatchObject({ version: "2" });
    socket.close(1000);
    const [closed] = (await once(socket, "close")) as [CloseEvent];
    expect(closed.wasClean).toBe(true);
  });

  test("without its database it fails nearly every request, and recovers", async () => {
    await withFault(v1, "errors", async () => {
      const answers = await Promise.all(Array.from({ length: 60 }, () => fetch(`${v1.url}/products`)));
      expect(answers.filter(({ status }) => status === 503).length).toBeGreaterThan(40);
    });
    expect((await fetch(`${v1.url}/products`)).status).toBe(200);
  });

  test("when it hangs it accepts and never answers, not even its health check", async () => {
    await withFault(v1, "hang", async () => {
      const asked = ["/products", "/healthz"].map((path) => fetch(`${v1.url}${path}`, { signal: AbortSignal.timeout(300) }));
      for (const answer of await Promise.allSettled(asked)) expect(answer.status).toBe("rejected");
    });
  });

  test("when it crashes its process ends with a failure", async () => {
    const exited = once(v2.child, "exit");
    await fetch(`${v2.control}/fault/crash`, { method: "POST" });
    expect((await exited)[0]).toBe(1);
  });
});
