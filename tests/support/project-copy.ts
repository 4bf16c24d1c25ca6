/** The project's sources in a repository of their own, for commands that write and commit what they did. */
import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What the commands of deployment/ are made of. */
const PARTS = ['deployment', 'drizzle', 'local', 'src', 'supabase-adapter', 'package.json', 'tsconfig.json'];

export interface ProjectCopy {
  readonly root: string;
  /**
   * Runs a script of the project there, with these variables and no others of whoever runs the tests. Not by npm: that
   * would install packages where they are older than the copy.
   */
  run(
    script: string,
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<{ code: number | null; output: string; errors: string }>;
  git(...args: string[]): string;
  remove(): Promise<void>;
}

/** Makes it, with everything committed on `main`. */
export async function copyProject(): Promise<ProjectCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'mmc-copy-'));
  const root = join(folder, 'project');
  for (const part of PARTS) await cp(join(PROJECT, part), join(root, part), { recursive: true });
  await symlink(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  await writeFile(join(root, '.gitignore'), 'node_modules\n.records\n.data\n');
  await writeFile(join(folder, 'gitconfig'), '[user]\nname = tester\nemail = tester@example.com\n');
  const own = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    NO_COLOR: '1',
    GIT_CONFIG_GLOBAL: join(folder, 'gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const git = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8', env: own });
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  git('init', '--quiet', '--initial-branch=main');
  git('add', '.');
  git('commit', '--quiet', '--message', 'a release');
  return {
    root,
    git,
    async run(script, args, environment = {}) {
      const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
        cwd: root,
        env: { ...own, ...environment },
      });
      const texts = { output: '', errors: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        texts.output += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        texts.errors += text;
      });
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      return { code, ...texts };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
