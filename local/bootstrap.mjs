// What the npm scripts run: plain JavaScript, because on a fresh clone nothing is installed yet. Installs the
// pinned packages when they are missing or older than the lock file, then hands over to the command.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [command = '', ...args] = process.argv.slice(2);
const bin = (name) => `${root}node_modules/.bin/${name}`;

/** Scripts of ours run in this very process, so that `npm start` is one process and gets its signals itself. */
const SCRIPTS = new Map([
  ['start', 'local/start.ts'],
  ['serve', 'local/serve.ts'],
  ['admin', 'local/admin.ts'],
  ['demo', 'demo/main.ts'],
  ['bench', 'bench/main.ts'],
  ['build', 'deployment/build/main.ts'],
  ['smoke', 'deployment/smoke/main.ts'],
  ['deploy', 'deployment/deploy-command.ts'],
  ['switch', 'deployment/switch-command.ts'],
  ['drill', 'deployment/drill/main.ts'],
  ['rollback', 'deployment/rollback-command.ts'],
  ['status', 'deployment/status-command.ts'],
  ['import', 'local/previous-data/main.ts'],
  ['monitor', 'monitoring/main.ts'],
  ['monitor:dashboard', 'monitoring/write-dashboard.ts'],
  ['monitor:proof', 'monitoring/proof.ts'],
  ['db:migrate', 'drizzle/migrate.ts'],
]);

/** Tools run as children, one after the other. */
const TOOLS = new Map([
  ['dev', [[bin('tsx'), 'watch', '--clear-screen=false', 'local/start.ts']]],
  ['test', [[bin('vitest'), 'run']]],
  ['test:soak', [[bin('vitest'), 'run']]],
  ['db:generate', [[bin('drizzle-kit'), 'generate']]],
  [
    'check',
    [
      [bin('biome'), 'ci', '--error-on-warnings', '.'],
      [bin('tsc'), '--noEmit'],
    ],
  ],
]);

const script = SCRIPTS.get(command);
const steps = TOOLS.get(command);
if (!script && !steps) {
  console.error(`Unknown command: ${command}. There are: ${[...SCRIPTS.keys(), ...TOOLS.keys()].join(', ')}`);
  process.exit(2);
}
requireNode();
process.chdir(root);
// The soak is the same tests at their full volumes (tests/support/volume.ts).
if (command === 'test:soak') process.env.SOAK = '1';
install();
if (script) {
  const { register } = await import('tsx/esm/api');
  register();
  process.argv.splice(2, 1);
  await import(`../${script}`);
}
for (const step of steps ?? []) {
  const code = await run([...step, ...args]);
  if (code !== 0) process.exit(code);
}

/** The packages in the lock file run on nothing older, and would say so in a hundred lines. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return;
  console.error(`Node.js 20.19, 22.12 or newer is needed; this is ${process.versions.node}`);
  process.exit(1);
}

function install() {
  const installed = `${root}node_modules/.package-lock.json`;
  const wanted = `${root}package-lock.json`;
  // tsx as well: an installation without the development packages has a record and cannot run anything.
  const complete = existsSync(installed) && existsSync(`${root}node_modules/tsx`);
  if (complete && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  console.log('Installing the pinned packages (npm ci) ...');
  const cache = mayWrite(process.env.npm_config_cache)
    ? undefined
    : mkdtempSync(join(tmpdir(), 'npm-cache-'));
  const { status } = spawnSync(
    'npm',
    ['ci', '--include=dev', '--no-audit', '--no-fund', ...(cache ? ['--cache', cache] : [])],
    { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' },
  );
  if (cache) rmSync(cache, { recursive: true, force: true });
  if (status !== 0) process.exit(status ?? 1);
}

/** npm tells its scripts where its cache is; where it does not, npm itself decides. */
function mayWrite(directory) {
  if (!directory) return true;
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string[]} step */
function run([file = '', ...rest]) {
  return new Promise((resolve) => {
    const child = spawn(file, rest, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
    // Ctrl-C reaches the child as well; wait for it to end in its own way.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 130 : 1)));
  });
}
