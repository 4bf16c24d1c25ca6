// What the npm scripts run: plain JavaScript, because on a fresh clone nothing is installed yet. Installs the
// pinned packages when they are missing or older than the lock file, then hands over to the command.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [command = '', ...args] = process.argv.slice(2);
const bin = (name) => `${root}node_modules/.bin/${name}`;

/** @type {Record<string, string[][]>} */
const COMMANDS = {
  start: [[bin('tsx'), 'local/start.ts']],
  dev: [[bin('tsx'), 'watch', '--clear-screen=false', 'local/start.ts']],
  test: [[bin('vitest'), 'run']],
  check: [
    [bin('biome'), 'ci', '--error-on-warnings', '.'],
    [bin('tsc'), '--noEmit'],
    [bin('tsx'), 'local/import-rules.ts'],
  ],
  admin: [[bin('tsx'), 'local/admin.ts']],
  demo: [[bin('tsx'), 'demo/main.ts']],
  bench: [[bin('tsx'), 'bench/main.ts']],
  'db:migrate': [[bin('tsx'), 'drizzle/migrate.ts']],
};

install();
const steps = COMMANDS[command];
if (!steps) {
  console.error(`Unknown command: ${command}. There are: ${Object.keys(COMMANDS).join(', ')}`);
  process.exit(2);
}
for (const step of steps) {
  const code = await run([...step, ...args]);
  if (code !== 0) process.exit(code);
}

function install() {
  const installed = `${root}node_modules/.package-lock.json`;
  const wanted = `${root}package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  console.log('Installing the pinned packages (npm ci) ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
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
