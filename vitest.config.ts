/**
 * One configuration for every kind of test. `unit`, `node` and `concurrency` run here beside each other, `alone` and `proofs` would
 * not bear that; the others run the contract suite on the real runtime of each target. `npx vitest run --project unit` and
 * the like choose among them.
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

/**
 * For what draws anew each time, or measures: at full volume what was wrong once is wrong, and its seed must be seen. A short
 * run on a busy machine meets lock timeouts and slow moments too, which are no finding.
 */
const ONCE = { ...shared, retry: process.env.SOAK === '1' ? 0 : 1 };

/** Files that leave nothing behind share a process: a new one for each costs more than what most of them do. */
const TOGETHER = { ...shared, isolate: false } as const;

/** Settings of a whole run, however many projects it has. */
export const wholeRun = {
  globalSetup: ['tests/support/global-setup.ts'],
  // One more than the two cores this is made for: many tests wait for a clock.
  maxWorkers: 3,
  teardownTimeout: 30_000,
};

const CONTRACT = 'tests/contract/*.test.ts';

/** The values of CONTRACT_TARGET (tests/contract/target.ts), by the names their results are shown under. */
const RUNTIMES = {
  'contract on node': 'node',
  'contract on workerd': 'cloudflare',
  'contract on deno': 'supabase',
  'contract on vercel (node)': 'vercel',
  'contract on vercel (edge-runtime)': 'vercel-edge',
} as const;

/** Random operations against a model: what they find once is found. */
const PROOFS = ['tests/simulation/**/*.test.ts', 'tests/concurrency/*-consistency.test.ts'];

/** Those that load the machine themselves, and measure what it does then: one after the other, with nothing beside them. */
const MEASURED = [
  'tests/chaos/**/*.test.ts',
  'tests/integration/*-{load,accuracy}.test.ts',
  'tests/integration/drill.test.ts',
  'tests/migrations/previous-release.test.ts',
];

/** One file after the other, when all groups before it have ended. */
const alone = (groupOrder: number) => ({ fileParallelism: false, sequence: { groupOrder } });

const everyTest = (...folders: readonly string[]) => folders.map((folder) => `${folder}/**/*.test.ts`);

const CONCURRENCY = everyTest('tests/concurrency');

export default defineConfig({
  test: {
    ...wholeRun,
    reporters: ['default', './tests/support/runtime-report.ts', './tests/support/test-record.ts'],
    projects: [
      {
        test: {
          ...TOGETHER,
          name: 'unit',
          include: everyTest('src', 'local', 'demo', 'bench', 'tests/unit'),
        },
      },
      {
        test: {
          ...shared,
          name: 'node',
          include: everyTest('tests'),
          exclude: [
            ...everyTest('tests/unit', 'tests/contract', 'tests/runtimes'),
            ...CONCURRENCY,
            ...PROOFS,
            ...MEASURED,
          ],
        },
      },
      { test: { ...ONCE, name: 'concurrency', include: CONCURRENCY, exclude: PROOFS } },
      ...Object.entries(RUNTIMES).map(([name, target]) => ({
        test: {
          ...TOGETHER,
          name,
          include: [CONTRACT],
          // The random cases in full on one runtime, a share of them on the others.
          env: { CONTRACT_TARGET: target, CONTRACT_SHARE: target === 'node' ? '1' : '0.1' },
        },
      })),
      { test: { ...shared, name: 'runtimes compared', include: everyTest('tests/runtimes') } },
      { test: { ...ONCE, ...alone(1), name: 'alone', include: MEASURED } },
      { test: { ...ONCE, ...alone(2), name: 'proofs', include: PROOFS } },
    ],
  },
});
