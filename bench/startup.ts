// How soon `npm start` answers on the embedded default, and how much memory it takes once it is warm.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../local/free-port.ts';
import { familyOf, statusField } from './process-family.ts';
import { median } from './statistics.ts';

/** What one start took: medians where it stands for several. */
export interface Start {
  /** From the command to the first 200 of /health. */
  readonly seconds: number;
  /** Resident memory of all its processes after the warm-up; NaN where there is no /proc. */
  readonly warmMb: number;
  /** The sum of what each of its processes held at most. */
  readonly peakMb: number;
}

export interface StartupReport {
  readonly runs: number;
  readonly goal: { readonly seconds: number; readonly megabytes: number };
  /** The first start migrates and seeds a new database; the second opens what the first kept. */
  readonly starts: { readonly first: Start; readonly second: Start };
  readonly ok: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const GOAL = { seconds: 10, megabytes: 400 };
const RUNS = 3;
const WARM_UP_PATIENTS = 50;
const POLL_MS = 20;
const GIVE_UP_MS = 60_000;

/** Starts the server twice on new data, several times over, each time with a short warm-up. */
export async function measureStartup(): Promise<StartupReport> {
  const first: Start[] = [];
  const second: Start[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const data = await mkdtemp(join(tmpdir(), 'mmc-bench-'));
    try {
      first.push(await measureStart(data));
      second.push(await measureStart(data));
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  }
  const starts = { first: middle(first), second: middle(second) };
  const ok = Object.values(starts).every(
    // Not `<=`: memory that could not be read is no reason to fail.
    ({ seconds, warmMb }) => seconds <= GOAL.seconds && !(warmMb > GOAL.megabytes),
  );
  return { runs: RUNS, goal: GOAL, starts, ok };
}

function middle(starts: readonly Start[]): Start {
  return {
    seconds: median(starts.map(({ seconds }) => seconds)),
    warmMb: median(starts.map(({ warmMb }) => warmMb)),
    peakMb: median(starts.map(({ peakMb }) => peakMb)),
  };
}

async function measureStart(data: string): Promise<Start> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const server = spawn(
    process.execPath,
    ['local/bootstrap.mjs', 'start', '--port', String(port), '--data', data],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = once(server, 'exit');
  try {
    await untilHealthy(url, server);
    const seconds = (performance.now() - began) / 1000;
    await warmUp(url);
    return { seconds, ...(await memoryOf(server.pid ?? 0)) };
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

async function untilHealthy(url: string, server: ChildProcess): Promise<void> {
  const giveUp = performance.now() + GIVE_UP_MS;
  while (performance.now() < giveUp && server.exitCode === null) {
    const isHealthy = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error('npm start did not become healthy');
}

/** Some patients log in, take a number and look at their place, so that everything a day needs is loaded. */
async function warmUp(url: string): Promise<void> {
  const post = async (path: string, body: object): Promise<{ data?: { id?: string } }> => {
    const answer = await fetch(`${url}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    return (await answer.json()) as { data?: { id?: string } };
  };
  for (let patient = 0; patient < WARM_UP_PATIENTS; patient += 1) {
    const login = await post('patient/login', { patientId: String(10_000_000 + patient), gender: 'male' });
    await post('queue/enter', { clinic: 'lab', user: login.data?.id });
    await fetch(`${url}/api/v1/queue/status?clinic=lab`);
  }
}

/** The memory of a process and all below it. */
async function memoryOf(root: number): Promise<Pick<Start, 'warmMb' | 'peakMb'>> {
  const members = [...(await familyOf(root)).values()];
  const sum = (name: string): number =>
    members.length === 0
      ? Number.NaN
      : members.reduce((total, status) => total + (statusField(status, name) || 0) / 1024, 0);
  return { warmMb: sum('VmRSS'), peakMb: sum('VmHWM') };
}
