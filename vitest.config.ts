/**
 * One configuration for every kind of test. The project `node` holds what runs here, beside other files, and `alone` what
 * would not bear that; the others run the contract suite again on the real runtime of each further target. `npx vitest run --project node tests/unit` and the
 * like choose among them.
 */
import { defineConfig } from 'vitest/config';

/** What every kind of test has in common; also with `tests/contract/vitest.config.ts`. */
export const shared = {
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // All files share two cores and one Postgres, whose oldest transaction, in whatever database, holds events back: a
  // case that fails twice is a failure.
  retry: 1,
} as const;

/** Settings of a whole run, however many projects it has. */
export const wholeRun = {
  globalSetup: ['tests/support/global-setup.ts'],
  // One more than the two cores this is made for: many tests wait for a clock.
  maxWorkers: 3,
  teardownTimeout: 30_000,
};

const CONTRACT = 'tests/contract/*.test.ts';

/** The runtimes of CONTRACT_TARGET (tests/contract/target.ts), by the names their results are shown under. */
const RUNTIMES = {
  'contract on workerd': 'cloudflare',
  'contract on deno': 'supabase',
  'contract on vercel (node)': 'vercel',
  'contract on vercel (edge-runtime)': 'vercel-edge',
} as const;

/** Those that load the machine themselves, and measure what it does then: one after the other, with nothing beside them. */
const ALONE = [
  'tests/chaos/**/*.test.ts',
  'tests/simulation/**/*.test.ts',
  'tests/integration/*-{load,accuracy}.test.ts',
  'tests/concurrency/*-consistency.test.ts',
];

export default defineConfig({
  test: {
    ...wholeRun,
    reporters: ['default', './tests/support/runtime-report.ts', './tests/support/test-record.ts'],
    projects: [
      {
        test: {
          ...shared,
          name: 'node',
          include: ['src', 'local', 'demo', 'bench', 'tests'].map((folder) => `${folder}/**/*.test.ts`),
          exclude: ['tests/runtimes/**', ...ALONE],
        },
      },
      ...Object.entries(RUNTIMES).map(([name, target]) => ({
        test: {
          ...shared,
          name,
          include: [CONTRACT],
          env: { CONTRACT_TARGET: target, CONTRACT_SHARE: '0.1' },
        },
      })),
      { test: { ...shared, name: 'runtimes compared', include: ['tests/runtimes/**/*.test.ts'] } },
      {
        test: {
          ...shared,
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
