import { basename } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** One for each core of the smallest machine that the tests are meant for. */
const maxWorkers = 2;

/** Files of 20 s and more, so that none of them begins when all others have ended. */
const LONGEST = [
  "npm-start",
  "kill-redis",
  "host-workers",
  "bundles",
  "senders",
  "trigger-matrix",
  "kill-dynamodb",
  "trigger-offline",
  "kill-rabbitmq",
  "rabbit-outage",
  "poison",
  "container",
  "notifier-host",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONGEST.indexOf(basename(moduleId, ".test.ts"));
      return index === -1 ? LONGEST.length : index;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

const onServices = {
  globalSetup: "tests/integration/services.ts",
  setupFiles: "tests/integration/lane.ts",
  testTimeout: 120_000,
  hookTimeout: 120_000,
  maxWorkers,
};

/**
 * `unit` needs no service; `integration` starts real ones under `.warren/test`; `deploy` packages for AWS.
 * `npm test` leaves `long` to `npm run test:long`, and `deletion` to `npm run test:deletion`. Tests that
 * inject `long` try more in `long` than in `integration`.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{events,functions,kit,lib,infra}/**/*.test.ts",
            "tests/contract/memory-*.test.ts",
            "tests/model/*.test.ts",
            "tests/shop/*.test.ts",
            "tests/guarantees/verdict.test.ts",
          ],
          testTimeout: 2_000,
          maxWorkers,
        },
      },
      {
        test: {
          name: "integration",
          include: ["tests/**/*.test.ts"],
          exclude: [
            "tests/contract/memory-*.test.ts",
            "tests/model/**",
            "tests/shop/*.test.ts",
            "tests/guarantees/verdict.test.ts",
            "tests/deploy/**",
            "tests/long/**",
            "tests/deletion/**",
          ],
          provide: { long: false },
          ...onServices,
        },
      },
      {
        test: {
          name: "long",
          include: [
            "tests/long/*.test.ts",
            "tests/integration/{npm-start,poison,graph-property,points-property}.test.ts",
          ],
          provide: { long: true },
          ...onServices,
          globalSetup: [onServices.globalSetup, "tests/deploy/packaged.ts"],
        },
      },
      {
        test: {
          name: "deletion",
          include: ["tests/deletion/*.test.ts"],
          hookTimeout: 60_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: "deploy",
          include: ["tests/deploy/*.test.ts"],
          globalSetup: "tests/deploy/packaged.ts",
          testTimeout: 120_000,
          maxWorkers,
        },
      },
    ],
  },
});
