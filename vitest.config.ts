import { defineConfig } from "vitest/config";

/** One for each core of the smallest machine that the tests are meant for. */
const maxWorkers = 2;

const onServices = {
  globalSetup: "tests/integration/services.ts",
  setupFiles: "tests/integration/lane.ts",
  testTimeout: 120_000,
  hookTimeout: 120_000,
  maxWorkers,
};

/**
 * `unit` needs no service; `integration` starts real ones under `.warren/test`; `deploy` packages for AWS.
 * `npm test` leaves `long` to `npm run test:long`, and `deletion` to `npm run test:deletion`.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{events,functions,kit,lib,infra}/**/*.test.ts",
            "tests/contract/memory-*.test.ts",
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
            "tests/shop/*.test.ts",
            "tests/guarantees/verdict.test.ts",
            "tests/deploy/**",
            "tests/long/**",
            "tests/deletion/**",
          ],
          ...onServices,
        },
      },
      { test: { name: "long", include: ["tests/long/*.test.ts"], ...onServices } },
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
          // After the others: linters take a core each.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
