/** A real Chromium without a window, spoken to in its own DevTools protocol. Debian's: apt-get install chromium. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./redis.ts";

/** Undefined: none is installed. */
export const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
export const hasBrowser = chromium !== undefined;
if (!hasBrowser) console.warn("no Chromium is installed, so its tests are skipped: apt-get install chromium");

interface Reply {
  readonly id?: number;
  readonly result?: { readonly targetId?: string; readonly sessionId?: string; readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } } };
  readonly error?: { readonly message: string };
}

export class Browser {
  private readonly child: ChildProcess;
  private readonly profile: string;
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private last = 0;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.child = child;
    this.profile = profile;
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      if (reply.id !== undefined) this.waiting.get(reply.id)?.(reply);
    });
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "ebbgate-chromium-"));
    const child = spawn(chromium!, ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank"], { stdio: "ignore" });
    const file = join(profile, "DevToolsActivePort");
    await until(() => existsSync(file) && readFileSync(file, "utf8").includes("\n"));
    const [port, path] = readFileSync(file, "utf8").split("\n");
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    return new Browser(child, profile, socket);
  }

  async open(url: string): Promise<Page> {
    const { targetId } = await this.send("Target.createTarget", { url });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    // A page that nobody looks at does not poll.
    await this.send("Page.bringToFront", {}, sessionId);
    await this.send("Emulation.setFocusEmulationEnabled", { enabled: true }, sessionId);
    return new Page((script) => this.evaluate(script, sessionId!));
  }

  close(): void {
    this.socket.close();
    this.child.kill("SIGKILL");
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10 });
  }

  private async evaluate(script: string, sessionId: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression: script, returnByValue: true, awaitPromise: true }, sessionId);
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result?.value;
  }

  private send(method: string, params: object, sessionId?: string): Promise<NonNullable<Reply["result"]>> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        this.waiting.delete(id);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    });
  }
}

export class Page {
  /** Runs JavaScript in the page. */
  readonly run: (script: string) => Promise<unknown>;

  constructor(run: Page["run"]) {
    this.run = run;
  }

  /** Resolves when the text of its main part has it. */
  async shows(text: string): Promise<void> {
    await until(async () => String(await this.run("document.querySelector('main')?.textContent ?? ''")).includes(text));
  }
}
