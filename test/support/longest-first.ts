import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What waits longest, in about this order: started last, one of these would be waited for by a machine that has nothing else to do. */
const long = [
  "test/fleet/each-fault.test.ts",
  "test/sidecar/shared.test.ts",
  "test/fleet/redis.test.ts",
  "test/sidecar/webhooks.test.ts",
  "test/prometheus/published.test.ts",
  "test/prometheus/live.test.ts",
  "test/sidecar/whole-way.test.ts",
  "test/fleet/experiment.test.ts",
  "test/proxy/clients.test.ts",
  "test/http1/differential.test.ts",
  "test/fleet/faults.test.ts",
  "test/simulate/experiment.test.ts",
  "test/admin/api/generic.test.ts",
  "test/demo/demo.test.ts",
];

/** Vitest knows how long files take only where they ran before; in a fresh checkout it takes the largest ones first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = long.indexOf(relative(this.ctx.config.root, moduleId));
      return index < 0 ? long.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
