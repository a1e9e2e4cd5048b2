import { defineConfig } from "vitest/config";

/** `unit` needs no service; `integration` starts real ones under `.warren/test`; `deploy` packages for AWS. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{events,functions,lib,infra}/**/*.test.ts",
            "tests/contract/memory-*.test.ts",
            "tests/shop/*.test.ts",
          ],
          testTimeout: 2_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/contract/memory-*.test.ts", "tests/shop/*.test.ts", "tests/deploy/**"],
          globalSetup: "tests/integration/services.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "deploy",
          include: ["tests/deploy/*.test.ts"],
          globalSetup: "tests/deploy/packaged.ts",
          testTimeout: 120_000,
          // After the others: linters take a core each.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
