import { z } from "zod";
import { parsePath } from "./notation.ts";
import { scalar } from "./scalars.ts";
import type { PathMatch } from "./snapshot.ts";

export const pathSchema = z
  .union([
    scalar({ json: { title: "path", type: "string", pattern: "^/", examples: ["/api"] }, parse: parsePath }),
    z.strictObject({ exact: scalar({ json: { title: "path", type: "string", pattern: "^/" }, parse: parsePath }).describe("The whole path, without its query.") }),
  ])
  .describe("A prefix, matched on segment borders (`/api` matches `/api/x`, never `/apix`), or `{exact: /path}`.");

export const compilePath = (path: z.output<typeof pathSchema>): PathMatch => (typeof path === "string" ? { kind: "prefix", value: path } : { kind: "exact", value: path.exact });
