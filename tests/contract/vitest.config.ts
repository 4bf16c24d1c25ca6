/**
 * The contract suite against any server: `BASE_URL=https://… npx vitest run --config tests/contract/vitest.config.ts`.
 * Vitest sets BASE_URL to '/' by itself, and only a configuration can hand the caller's value on.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

const { include: _all, ...test } = base.test ?? {};

export default mergeConfig(
  { ...base, test },
  defineConfig({
    root: fileURLToPath(new URL('../..', import.meta.url)),
    test: {
      include: ['tests/contract/**/*.test.ts'],
      env: { BASE_URL: process.env.BASE_URL ?? '' },
    },
  }),
);
