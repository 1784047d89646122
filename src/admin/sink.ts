/** A stream's way to its reader: one that does not read is cut, so that it costs bounded memory. */
import type { ServerResponse } from "node:http";
import type { StreamSink } from "./problem.ts";

/** What may wait for one reader. */
export const waitingBytesMax = 262_144;

export function sinkOf(response: ServerResponse): StreamSink {
  return {
    write(text) {
      if (response.destroyed) return false;
      response.write(text);
      if (response.writableLength <= waitingBytesMax) return true;
      response.destroy();
      return false;
    },
    end: () => void response.end(),
    onClose: (listener) => void response.once("close", listener),
  };
}
