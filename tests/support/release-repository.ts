/** A small project in a git repository of its own, with programs of platforms that answer from a recording. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { writeTestRecord } from '../../deployment/records.ts';
import { openRepository } from '../../deployment/repository.ts';

/** One call that a platform's program may get, exactly, and what it answers. */
export interface RecordedCall {
  readonly program: 'wrangler' | 'supabase' | 'vercel';
  readonly args: readonly string[];
  readonly output?: string;
  /** What wrangler writes into WRANGLER_OUTPUT_FILE_PATH. */
  readonly record?: object;
  /** Fails with this on standard error. */
  readonly failure?: string;
  /** An address that is told of the call as JSON (`args`, `cwd`), does it, and answers an `output` as above. */
  readonly platform?: string;
}

export interface ProgramCall {
  /** The program and its arguments. */
  readonly line: string;
  readonly cwd: string;
  /** The names of the variables that it saw. */
  readonly saw: readonly string[];
}

export interface ReleaseRepository {
  readonly root: string;
  /** A PATH with the programs of the platforms. */
  readonly environment: Readonly<{ PATH: string }>;
  /** Only these calls are answered from now on; any other fails. */
  expectCalls(calls: readonly RecordedCall[]): Promise<void>;
  /** Every call so far. */
  calls(): Promise<ProgramCall[]>;
  write(path: string, text: string): Promise<void>;
  commit(message: string): string;
  git(...args: string[]): string;
  /** The records of tests and of monitoring for what is committed. */
  prove(kinds?: readonly ('tests' | 'monitoring')[]): Promise<void>;
  remove(): Promise<void>;
}

const NOTHING_DEPLOYED = '{ "versions": [], "current": null, "previous": null, "targets": {} }\n';

/** Written where a program of a platform would be: it knows its calls by heart, and refuses any other. */
const program = (made: string, known: string) => `#!/usr/bin/env node
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const { basename } = require('node:path');
const [program, args] = [basename(process.argv[1]), process.argv.slice(2)];
const [line, cwd, saw] = [[program, ...args].join(' '), process.cwd(), Object.keys(process.env)];
appendFileSync(${JSON.stringify(made)}, JSON.stringify({ line, cwd, saw }) + '\\n');
const known = JSON.parse(readFileSync(${JSON.stringify(known)}, 'utf8'));
const call = known.find((each) => each.program === program && JSON.stringify(each.args) === JSON.stringify(args));
const end = ({ output, record, failure }) => {
  if (record) writeFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH, JSON.stringify(record) + '\\n');
  if (output) process.stdout.write(output);
  if (failure) console.error(failure);
  process.exitCode = failure ? 1 : 0;
};
if (!call) {
  console.error('unexpected arguments: ' + args.join(' '));
  process.exit(64);
}
if (!call.platform) end(call);
else {
  fetch(call.platform, { method: 'POST', body: JSON.stringify({ args, cwd }) }).then(
    async (answer) => end(answer.ok ? { ...call, ...(await answer.json()) } : { failure: await answer.text() }),
    (error) => end({ failure: String(error.cause ?? error) }),
  );
}
`;

/**
 * Makes it with one commit, clean, and nothing proved. `fill` writes other files than those of the small project, and
 * must leave `.records/` and what is built to .gitignore.
 */
export async function makeReleaseRepository(
  fill: (repository: ReleaseRepository) => Promise<void> = smallProject,
): Promise<ReleaseRepository> {
  const home = await mkdtemp(join(tmpdir(), 'mmc-release-'));
  const [root, bin] = [join(home, 'project'), join(home, 'bin')];
  const [made, known] = [join(home, 'calls-made'), join(home, 'calls-known.json')];
  await mkdir(bin, { recursive: true });
  await mkdir(root);
  for (const name of ['wrangler', 'supabase', 'vercel']) {
    await writeFile(join(bin, name), program(made, known));
    await chmod(join(bin, name), 0o755);
  }
  const git = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const repository: ReleaseRepository = {
    root,
    environment: { PATH: `${bin}${delimiter}${process.env.PATH}` },
    expectCalls: (calls) => writeFile(known, JSON.stringify(calls)),
    calls: async () =>
      (await readFile(made, 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    write,
    git,
    commit(message) {
      git('add', '--all');
      git('commit', '--quiet', '--message', message);
      return git('rev-parse', 'HEAD');
    },
    async prove(kinds = ['tests', 'monitoring']) {
      const { tree, commit } = openRepository(root).release();
      const time = '2026-01-05T10:00:00.000Z';
      if (kinds.includes('tests')) {
        await writeTestRecord(root, {
          tree,
          commit,
          time,
          node: '22.12.0',
          files: 9,
          passed: 99,
          skipped: 0,
        });
      }
      if (kinds.includes('monitoring')) {
        const alert = { alert: 'High5xxErrorRate', pending: time, firing: '2026-01-05T10:05:00.000Z' };
        const record = { tree, time, ...alert, resolved: '2026-01-05T10:10:00.000Z' };
        await write(`.records/monitoring/${tree}.json`, JSON.stringify(record));
      }
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
  await fill(repository);
  git('init', '--quiet', '--initial-branch', 'main');
  git('config', 'user.name', 'Test');
  git('config', 'user.email', 'test@example.com');
  repository.commit('First');
  await repository.expectCalls([]);
  return repository;
}

async function smallProject({ write }: ReleaseRepository): Promise<void> {
  await write('.gitignore', '.records/\nsupabase/\n');
  await write('deployment/versions.json', NOTHING_DEPLOYED);
  await write('src/app.ts', 'select ticket from queues;\n');
  await write('drizzle/0000_first.sql', 'create table queues (id int, ticket text, old_note text);\n');
  await write('drizzle/meta/_journal.json', JSON.stringify({ entries: [{ tag: '0000_first' }] }));
}
