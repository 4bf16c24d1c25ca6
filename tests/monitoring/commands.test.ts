/** `npm run monitor` as a person calls it, and the pictures of the proof. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { hasPrograms } from '../../monitoring/programs.ts';
import { queryPrometheus } from '../../monitoring/prometheus-client.ts';
import { pagesOf, takePicture } from '../../monitoring/screenshot.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Milliseconds: a target is asked each 15 s, for the first time somewhere within them. */
const SCRAPED_WITHIN = 60_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mmc-monitoring-commands-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** The command in a process of its own. */
function command(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['local/bootstrap.mjs', 'monitor', ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code);
  return { child, ended, output: () => output };
}

const programs = hasPrograms('prometheus', 'prometheus-alertmanager', 'chromium');
if (!programs)
  console.warn('skipped: prometheus, prometheus-alertmanager and chromium are not all installed');

describe.skipIf(!programs && !process.env.CI)('npm run monitor', () => {
  let server: LocalServer;
  beforeAll(async () => {
    server = await startLocalServer({ environment: 'test' });
  }, 120_000);
  afterAll(() => server?.close());

  it('sees the server, tells what is wrong, can be pictured, and ends with nothing left', async () => {
    const { child, ended, output } = command([server.url, '--port', '0'], { TMPDIR: directory });
    try {
      const address = () => /Prometheus on (http:\/\/127\.0\.0\.1:\d+)/.exec(output())?.[1];
      await Promise.race([
        ended.then((code) => Promise.reject(new Error(`ended with ${code}:\n${output()}`))),
        (async () => {
          while (address() === undefined) await once(child.stdout, 'data');
        })(),
      ]);
      const url = address() ?? '';
      const [job] = await until(
        'the server is scraped',
        () => queryPrometheus(url, 'up'),
        (series) => series[0]?.value === 1,
        SCRAPED_WITHIN,
      );
      expect(job?.labels.job).toBe(new URL(server.url).host);
      const file = join(directory, 'alerts.png');
      await takePicture({ url: new URL('alerts', await pagesOf(url)).href, file, width: 900, height: 900 });
      const picture = await readFile(file);
      expect(picture.subarray(1, 4).toString()).toBe('PNG');
      // A page that was not found is a picture of a few kilobytes.
      expect(picture.length).toBeGreaterThan(20_000);
    } finally {
      child.kill('SIGINT');
    }
    expect(await ended).toBe(0);
    expect((await readdir(directory)).filter((name) => name.startsWith('mmc-monitor-'))).toStrictEqual([]);
  }, 180_000);
});

describe('npm run monitor', () => {
  it('names the packages where the programs are missing', async () => {
    const { ended, output } = command([], { PATH: directory });
    expect(await ended).toBe(1);
    expect(output()).toContain('apt-get install prometheus prometheus-alertmanager');
  });

  it('refuses what is no address', async () => {
    const { ended, output } = command(['nowhere']);
    expect(await ended).toBe(2);
    expect(output()).toContain('Not an address: nowhere');
  });
});
