import autocannon from "autocannon";
import { cohortHeader } from "./contestant.ts";
import { connections, users } from "./load.ts";
import type { LoadResult } from "./load.ts";

const port = Number(process.argv[2]);
const seconds = Number(process.argv[3]);
const requests = Array.from({ length: users }, (_, i) => ({ method: "GET", path: "/", headers: { [cohortHeader]: `user-${i + 1}` } }));
const found = await autocannon({ url: `http://127.0.0.1:${port}`, connections, duration: seconds, requests });
const result: LoadResult = {
  completed: found.requests.total,
  failed: found.non2xx + found.errors + found.timeouts,
  seconds: found.duration,
  p50Ms: found.latency.p50,
  p99Ms: found.latency.p99,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
