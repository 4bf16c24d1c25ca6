/**
 * The contract suite against any server: `BASE_URL=https://… npx vitest run --config tests/contract/vitest.config.ts`.
 * Vitest sets BASE_URL to '/' by itself, and only a configuration can hand the caller's value on.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { shared, wholeRun } from '../../vitest.config.ts';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    ...shared,
    ...wholeRun,
    include: ['tests/contract/**/*.test.ts'],
    env: { BASE_URL: process.env.BASE_URL ?? '' },
  },
});
