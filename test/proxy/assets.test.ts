/** Assets over real sockets: each gets the version that its page had. */
import { describe, expect, it } from "vitest";
import type { AssetSettings } from "../../src/config/snapshot.ts";
import { newCohortBits } from "../../src/observe/cohort-set.ts";
import { counters } from "../../src/observe/layout.ts";
import { ask } from "../support/raw-client.ts";
import { valuesOf } from "../support/raw-messages.ts";
import type { TestProxy, TestRoute } from "../support/proxy.ts";
import { ok } from "../support/raw-upstream.ts";
import { proxyFor, upstreamFor } from "../support/stage.ts";

const service = (name: string) => upstreamFor(({ target }) => (target === "/broken" ? "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n" : ok(name)));
const [v1, v2] = await Promise.all([service("v1"), service("v2")]);
const assets: AssetSettings = { paths: [{ kind: "prefix", value: "/assets/" }, { kind: "exact", value: "/favicon.ico" }], cookie: null };
const route = (weight: number, parts: Partial<TestRoute> = {}): TestRoute => ({ name: "shop", assets, variants: { v1: { endpoints: [v1.id] }, v2: { endpoints: [v2.id], weight } }, ...parts });

/** A browser as far as the proxy sees one: it keeps the cookies that it is given. */
class Browser {
  readonly cookies = new Map<string, string>();
  private readonly proxy: TestProxy;
  /** Field lines with every request. */
  private readonly lines: string;

  constructor(proxy: TestProxy, lines = "") {
    this.proxy = proxy;
    this.lines = lines;
  }

  /** @returns who answered */
  async get(target: string, lines: string): Promise<string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await ask(this.proxy.port, `GET ${target} HTTP/1.1\r\nHost: a\r\n${this.lines}${lines}${cookie === "" ? "" : `Cookie: ${cookie}\r\n`}\r\n`);
    for (const set of valuesOf(response, "set-cookie")) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set) as unknown as [string, string, string];
      this.cookies.set(name, value);
    }
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    return response.body;
  }

  page = (target = "/"): Promise<string> => this.get(target, "Sec-Fetch-Dest: document\r\n");
  oldPage = (): Promise<string> => this.get("/", "Accept: text/html,*/*;q=0.8\r\n");
  script = (): Promise<string> => this.get("/app.js", "Sec-Fetch-Dest: script\r\n");
  oldScript = (): Promise<string> => this.get("/assets/app.js", "");
  data = (): Promise<string> => this.get("/cart", "Sec-Fetch-Dest: empty\r\n");
}

describe("an asset", () => {
  it("gets its page's version where requests have no cohort key, however often the dice fall otherwise", async () => {
    const proxy = await proxyFor([route(50)]);
    const pages = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const browser = new Browser(proxy);
      const page = await (i % 2 === 0 ? browser.page() : browser.oldPage());
      pages.add(page);
      for (let n = 0; n < 4; n++) expect([await browser.script(), await browser.oldScript(), await browser.get("/favicon.ico", "")]).toEqual([page, page, page]);
    }
    expect(pages.size).toBe(2);
  });

  it("gets its page's version also after the weights have moved its user, until the next page", async () => {
    const proxy = await proxyFor([route(0)]);
    const browser = new Browser(proxy, "x-user: u\r\n");
    expect(await browser.page()).toBe("v1");
    await proxy.publish([route(100)]);
    expect([await browser.script(), await browser.oldScript()]).toEqual(["v1", "v1"]);
    // What a script asks for is no asset.
    expect(await browser.data()).toBe("v2");
    expect([await browser.page(), await browser.script(), await browser.oldScript()]).toEqual(["v2", "v2", "v2"]);
  });

  it("does not follow its page to a candidate that was taken back: 0% is no request", async () => {
    const proxy = await proxyFor([route(100)]);
    const browser = new Browser(proxy, "x-user: u\r\n");
    expect([await browser.page(), await browser.script()]).toEqual(["v2", "v2"]);
    await proxy.publish([route(0)]);
    expect([await browser.script(), await browser.oldScript()]).toEqual(["v1", "v1"]);
  });

  it("is answered by whom its user has now, where the old baseline is gone", async () => {
    const gone = await upstreamFor(() => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    const proxy = await proxyFor([route(0)]);
    const browser = new Browser(proxy, "x-user: u\r\n");
    expect(await browser.page()).toBe("v1");
    const moved = route(100);
    await proxy.publish([{ ...moved, variants: { ...moved.variants, v1: { endpoints: [gone.id] } } }]);
    expect(await browser.script()).toBe("v2");
    expect(gone.requests).toHaveLength(1);
  });

  it("of a page that the baseline answered in the candidate's place is the baseline's", async () => {
    const proxy = await proxyFor([route(100)]);
    const browser = new Browser(proxy, "x-user: u\r\n");
    const broken = await upstreamFor(({ target }) => (target === "/" ? "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n" : ok("v2")));
    await proxy.publish([{ ...route(100), variants: { v1: { endpoints: [v1.id] }, v2: { endpoints: [broken.id], weight: 100 } } }]);
    expect([await browser.page(), await browser.script(), await browser.data()]).toEqual(["v1", "v1", "v2"]);
  });

  it("without a page, or with one that no variant has made, is a request like any other", async () => {
    const proxy = await proxyFor([route(100)]);
    for (const value of ["", ".", "v1", "v9.x", "constructor.x", ".v1"]) {
      const browser = new Browser(proxy, "x-user: u\r\n");
      browser.cookies.set("ebbgate-page-shop", value);
      expect(await browser.script(), value).toBe("v2");
    }
  });

  it("of another route follows that route's page by the same cookie", async () => {
    const cookie = "page";
    const pages = route(100, { name: "pages", assets: { paths: [], cookie } });
    const files = route(50, { name: "files", assets: { paths: [{ kind: "prefix", value: "/assets" }], cookie }, match: { hosts: [], path: { kind: "prefix", value: "/assets" }, methods: [], headers: [] } });
    const browser = new Browser(await proxyFor([files, pages]));
    expect(await browser.page()).toBe("v2");
    for (let i = 0; i < 8; i++) expect(await browser.oldScript()).toBe("v2");
  });
});

describe("the page's cookie", () => {
  const setCookies = async (proxy: TestProxy, lines: string): Promise<string[]> => valuesOf(await ask(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\nx-user: u\r\n${lines}\r\n`), "set-cookie");

  it("is set with a page, and not again while it is true", async () => {
    const proxy = await proxyFor([route(100)]);
    const [set] = await setCookies(proxy, "Sec-Fetch-Dest: document\r\n");
    expect(set).toMatch(/^ebbgate-page-shop=v2\.[0-9a-z]{1,7}; Path=\/; HttpOnly; SameSite=Lax$/);
    const known = `Sec-Fetch-Dest: document\r\nCookie: ${set!.split(";")[0]}\r\n`;
    expect(await setCookies(proxy, known)).toEqual([]);
    await proxy.publish([route(0)]);
    expect(await setCookies(proxy, known)).toHaveLength(1);
  });

  it("is the same from every sidecar that has the same split", async () => {
    const [one, other] = [await proxyFor([route(30)]), await proxyFor([route(30)])];
    expect(await setCookies(one, "Sec-Fetch-Dest: document\r\n")).toEqual(await setCookies(other, "Sec-Fetch-Dest: document\r\n"));
  });

  it.each(["Sec-Fetch-Dest: empty\r\nAccept: text/html\r\n", "Sec-Fetch-Dest: script\r\n", "Accept: */*\r\n", ""])("is not set for what is no page: %j", async (lines) => {
    expect(await setCookies(await proxyFor([route(100)]), lines)).toEqual([]);
  });

  it("is not set where the route does not ask for it", async () => {
    expect(await setCookies(await proxyFor([route(100, { assets: null })]), "Sec-Fetch-Dest: document\r\n")).toEqual([]);
  });
});

describe("the judge", () => {
  const judgedOf = (proxy: TestProxy): number => {
    proxy.slab.refresh();
    const now = Math.floor((performance.timeOrigin + performance.now()) / 1000);
    let judged = 0;
    for (const variant of ["v1", "v2"]) for (let second = now - 30; second <= now + 1; second++) judged += proxy.reader("shop", variant).stratum(second)?.n ?? 0;
    return judged;
  };
  const judgedRoute = (weight: number): TestRoute => route(weight, { judged: true, seen: newCohortBits() });

  it("sees assets that their user's key sends where their page was, and none of a page from before the weights moved, whichever version it had", async () => {
    const proxy = await proxyFor([judgedRoute(50)]);
    const browsers = Array.from({ length: 8 }, (_, i) => new Browser(proxy, `x-user: u${i}\r\n`));
    for (const browser of browsers) await browser.page();
    for (const browser of browsers) await browser.script();
    expect(judgedOf(proxy)).toBe(16);
    await proxy.publish([judgedRoute(60)]);
    for (const browser of browsers) await browser.script();
    expect(judgedOf(proxy)).toBe(16);
    for (const browser of browsers) await browser.page();
    for (const browser of browsers) await browser.script();
    expect(judgedOf(proxy)).toBe(32);
  });

  it("sees no asset that has no key of its own and follows a page", async () => {
    const proxy = await proxyFor([judgedRoute(50)]);
    const browser = new Browser(proxy);
    await browser.page();
    for (let i = 0; i < 5; i++) await browser.script();
    expect(judgedOf(proxy)).toBe(1);
    const totals = ["v1", "v2"].reduce((sum, variant) => sum + proxy.reader("shop", variant).counter(counters.requests), 0);
    expect(totals).toBe(6);
  });
});
