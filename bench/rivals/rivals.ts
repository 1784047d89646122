/** The rivals by name. */
import type { JudgeMaker } from "../../src/cli/simulate/judge.ts";
import { Flagger } from "./flagger.ts";
import { Kayenta } from "./kayenta.ts";
import { LindonMalek } from "./lindon-malek.ts";
import { PeekedZ } from "./peeked-z.ts";

export const rivals: Readonly<Record<string, JudgeMaker>> = {
  "peeked z-test": () => new PeekedZ(),
  Flagger: () => new Flagger(),
  Kayenta: () => new Kayenta(),
  "Lindon-Malek": (options) => new LindonMalek(options),
};
