/** A runtime never outlives whoever started it, gets nothing but its settings, and says why it did not start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startRuntimeProcess } from '../../local/runtimes/runtime-process.ts';
import { until } from '../support/until.ts';

const MODULE = fileURLToPath(new URL('../../local/runtimes/runtime-process.ts', import.meta.url));

/** A server that answers with its environment, and tells its port as our launchers do. */
const SERVER = `const server = require('node:http').createServer((_request, response) => {
  response.end(JSON.stringify(process.env));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ event: 'listen', port: server.address().port })));`;

const COMMAND = { command: process.execPath, args: ['-e', SERVER], environment: { OWN: 'setting' } };

function listens(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

it('sees its own settings and none of the shell', async () => {
  process.env.SECRET_OF_THE_SHELL = 'secret';
  const runtime = await startRuntimeProcess(COMMAND);
  const seen = (await (await fetch(runtime.url)).json()) as Record<string, string>;
  expect(seen.OWN).toBe('setting');
  expect(Object.keys(seen)).not.toContain('SECRET_OF_THE_SHELL');
  await runtime.stop();
  await runtime.stop();
  expect(await listens(runtime.url)).toBe(false);
});

it('is told with its own words why it did not start', async () => {
  const broken = { ...COMMAND, args: ['-e', 'throw new Error("no such luck")'] };
  await expect(startRuntimeProcess(broken)).rejects.toThrow('no such luck');
  const missing = { ...COMMAND, command: 'no-such-program' };
  await expect(startRuntimeProcess(missing)).rejects.toThrow('ENOENT');
});

it('ends when the process that started it is killed', async () => {
  const program = `import(${JSON.stringify(MODULE)}).then(async ({ startRuntimeProcess }) => {
    console.log((await startRuntimeProcess(${JSON.stringify(COMMAND)})).url);
    setInterval(() => {}, 1000);
  });`;
  const parent = spawn(process.execPath, ['--import', 'tsx', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = await once(parent.stdout.setEncoding('utf8'), 'data');
  expect(await listens(String(url).trim())).toBe(true);
  parent.kill('SIGKILL');
  await until(
    'the runtime is gone',
    () => listens(String(url).trim()),
    (still) => !still,
  );
});
