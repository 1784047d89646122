/** The worker threads' entry: Ebbgate's judge and its rivals, on the same traffic. */
import { parentPort } from "node:worker_threads";
import type { JudgeMaker } from "../../src/cli/simulate/judge.ts";
import { own } from "../../src/cli/simulate/report.ts";
import { ownJudge } from "../../src/cli/simulate/run.ts";
import { serve } from "../../src/cli/simulate/work.ts";
import { rivals } from "./rivals.ts";

serve(parentPort!, (row, judge): JudgeMaker => (judge === own ? ownJudge(row) : rivals[judge]!));
