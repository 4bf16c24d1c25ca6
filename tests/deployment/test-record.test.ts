/** The proof that the tests passed: only a whole run that passed, on a tree that was clean from beginning to end. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openRepository } from '../../deployment/repository.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

let repository: ReleaseRepository;
beforeEach(async () => {
  repository = await makeReleaseRepository();
  await symlink(join(PROJECT, 'node_modules'), join(repository.root, 'node_modules'));
  await repository.write('.gitignore', '.records/\nnode_modules\n');
  const options = { root: repository.root, programs: ['no-such-program'] };
  const reporter = [join(PROJECT, 'tests/support/test-record.ts'), options];
  await repository.write(
    'vitest.config.mjs',
    `export default { test: { tags: [{ name: 'some' }], reporters: [${JSON.stringify(reporter)}] } };`,
  );
  await repository.write('one.test.mjs', testThat('true'));
  await repository.write('part/three.test.mjs', testThat('true'));
  await repository.write('two.test.mjs', testThat('process.env.FAILS !== "1"'));
  repository.commit('Tests');
});
afterEach(() => repository.remove());

const testThat = (condition: string) =>
  `import { expect, it } from 'vitest';\nit('holds', () => expect(${condition}).toBe(true));\n`;

function runTests(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
  const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, ...clean } = process.env;
  const vitest = join(PROJECT, 'node_modules/vitest/vitest.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', ...args], {
    cwd: repository.root,
    env: { ...clean, ...environment },
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

const recordPath = () =>
  join(repository.root, '.records/tests', `${openRepository(repository.root).release().tree}.json`);

it('a whole run that passed leaves its record under the tree that it ran on', async () => {
  const { status, output } = runTests();
  expect(status, output).toBe(0);
  expect(JSON.parse(await readFile(recordPath(), 'utf8'))).toMatchObject({
    tree: repository.git('rev-parse', 'HEAD^{tree}'),
    commit: repository.git('rev-parse', 'HEAD'),
    files: 3,
    passed: 3,
    skipped: 0,
  });
});

it.each([
  ['a failure', [], { FAILS: '1' }, 1],
  ['one file of two', ['one.test.mjs'], {}, 0],
  ['tests chosen by name', ['-t', 'holds'], {}, 0],
  ['tests chosen by tag', ['--tags-filter', '!some'], {}, 0],
  ['a file left out', ['--exclude', 'two.test.mjs'], {}, 0],
  ['a folder', ['--dir', 'part'], {}, 0],
] as const)('%s leaves none', (_what, args, environment, expected) => {
  expect(runTests(args, environment).status).toBe(expected);
  expect(existsSync(recordPath())).toBe(false);
});

it('a file that is not committed leaves none', async () => {
  await repository.write('src/app.ts', 'changed');
  expect(runTests().status).toBe(0);
  expect(existsSync(recordPath())).toBe(false);
});

it('a test that skipped itself for want of a program leaves none, and the program is named', async () => {
  await repository.write(
    'two.test.mjs',
    `import { it } from 'vitest';\nit.skipIf(true)('needs it', () => {});\n`,
  );
  repository.commit('Needs a program');
  const { status, output } = runTests();
  expect(status).toBe(0);
  expect(output).toContain(
    'No record for npm run deploy: tests were skipped, and not installed: no-such-program',
  );
  expect(existsSync(recordPath())).toBe(false);
});

it('a test that silences the others of its file leaves none', async () => {
  // Not spelt out here, where it would count for this very file.
  const only = ['describe', 'only'].join('.');
  const text = `import { describe, it } from 'vitest';\n${only}('some', () => it('holds', () => {}));\n`;
  await repository.write('two.test.mjs', `${text}${testThat('true').replace(/^.*\n/, '')}`);
  repository.commit('A part');
  const { status, output } = runTests(['--allowOnly']);
  expect(status, output).toBe(0);
  expect(output).toContain('No record for npm run deploy: two.test.mjs runs a part of itself');
  expect(existsSync(recordPath())).toBe(false);
});
