/** The screen of a terminal that is written to: its own page, which is gone afterwards, whatever ends the program. */
import type { ReadStream, WriteStream } from "node:tty";
import { type Line, lineText } from "./spans.ts";
import type { Size } from "./frame.ts";

const enter = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";
const ctrlC = "\u0003";

export class Terminal {
  private readonly screen: WriteStream;
  private readonly keys: ReadStream | null;
  private readonly colours: boolean;
  private readonly restore = (): void => this.end();
  private open = false;

  /** @param keys where keys are read, to end with `q` as well; null: they are not */
  constructor(screen: WriteStream, keys: ReadStream | null, colours: boolean) {
    this.screen = screen;
    this.keys = keys;
    this.colours = colours;
  }

  get size(): Size {
    return { columns: this.screen.columns || 80, rows: this.screen.rows || 24 };
  }

  /** @param onResize the picture is to be drawn anew @param onQuit somebody has had enough */
  start(onResize: () => void, onQuit: () => void): void {
    this.open = true;
    this.screen.write(enter);
    this.screen.on("resize", onResize);
    // Also after a fault of ours: a terminal without a cursor is a bad message.
    process.on("exit", this.restore);
    this.keys?.setRawMode(true);
    this.keys?.on("data", (bytes: Buffer | string) => {
      const text = bytes.toString();
      if (text.includes(ctrlC) || /q/i.test(text)) onQuit();
    });
  }

  /** In one write, so that nothing flickers. */
  draw(lines: readonly Line[]): void {
    if (!this.open) return;
    const { columns, rows } = this.size;
    const shown = lines.slice(0, rows).map((line) => `${lineText(line, columns, this.colours)}${clearLine}`);
    this.screen.write(`${home}${shown.join("\r\n")}${clearBelow}`);
  }

  end(): void {
    if (!this.open) return;
    this.open = false;
    process.off("exit", this.restore);
    this.screen.removeAllListeners("resize");
    this.keys?.setRawMode(false);
    this.keys?.removeAllListeners("data");
    this.keys?.pause();
    this.screen.write(leave);
  }
}
