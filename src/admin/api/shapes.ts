/** Parts that several endpoints share. */
import { redactText } from "../../core/redact.ts";
import { z } from "zod";

/** RFC 9457. */
export const problemShape = z
  .object({
    type: z.string(), title: z.string(), status: z.int().min(400).max(599), detail: z.string().describe("What was wrong and what to do, in one sentence."),
    errors: z.array(z.object({ in: z.enum(["body", "query", "path", "header"]), field: z.string(), detail: z.string() })).exactOptional(),
  })
  .meta({ id: "Problem", description: "What went wrong (RFC 9457)." });

export const pageLimit = z.int("is a whole number from 1 to 200").min(1, "is at least 1").max(200, "is at most 200").default(50);

export const page = <T extends z.ZodType>(item: T, id: string) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe("Give it back as `cursor` for what follows; null: that was all.") }).meta({ id });

export const named = (what: string) => z.strictObject({ name: z.string().min(1, "it has no name").max(253, "its name is too long").describe(`Of the ${what}.`) });

/** What people say for history and audit log. */
export const reasonText = z.string("is a text").trim().overwrite(redactText).max(1_000, "is at most 1,000 characters long").regex(/^[ -~\u00a0-\uffff]*$/, "has a control character: write one line of text");
