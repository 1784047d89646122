/** A stream's way to its reader: who reads slowly is waited for, and who does not read at all is cut; either costs bounded memory. */
import type { ServerResponse } from "node:http";
import type { StreamSink } from "./problem.ts";

/** @param patienceMs how long what was written may wait for its reader */
export function sinkOf(response: ServerResponse, patienceMs: number): StreamSink {
  return {
    write(text) {
      if (response.destroyed || response.writableEnded) return Promise.resolve(false);
      if (response.write(text)) return Promise.resolve(true);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const cut = setTimeout(() => response.destroy(), patienceMs);
      const over = (): void => {
        clearTimeout(cut);
        response.off("drain", over).off("close", over);
        resolve(!response.destroyed);
      };
      response.on("drain", over).on("close", over);
      return promise;
    },
    end: () => void response.end(),
    onClose: (listener) => void response.once("close", listener),
  };
}
