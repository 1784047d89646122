/** The entry of `ebbgate simulate`'s worker threads. */
import { parentPort } from "node:worker_threads";
import { ownJudge } from "./run.ts";
import { serve } from "./work.ts";

serve(parentPort!, ownJudge);
