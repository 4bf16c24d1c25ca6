// What our code costs on each runtime beyond the least there is: a Hono that says hello, in the same run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RuntimeProcess } from '../local/runtimes/runtime-process.ts';
import { RUNTIMES, type RuntimeName } from '../local/runtimes/runtimes.ts';
import { cpuMs, familyOf } from './process-family.ts';
import { type Projects, writeProjects } from './projects.ts';
import { median, medianRatio } from './statistics.ts';

/** One runtime: medians, and the medians of the ratios of ours to hello, pair by pair. */
export interface RuntimeRow {
  readonly runtime: RuntimeName;
  readonly cold: Compared;
  readonly warm: Compared;
  /** Microseconds of CPU for a hello that asks Redis once before it answers. */
  readonly hop: number;
  /** The share of our warm answers that came without the database. */
  readonly cached: number;
}

interface Compared {
  readonly hello: number;
  readonly ours: number;
  readonly ratio: number;
}

export interface RuntimesReport {
  readonly goal: number;
  readonly starts: number;
  readonly rounds: number;
  readonly requests: number;
  readonly rows: readonly RuntimeRow[];
  /** True when every warm ratio is at most the goal. */
  readonly ok: boolean;
}

/** The most CPU that a cached read may take, in hellos. */
const GOAL = 3;

const PATH = '/api/v1/queue/status?clinic=lab';
const AT_ONCE = 4;
const FULL = { starts: 5, rounds: 7, requests: 600, warmUp: 1_500 };
const QUICK = { starts: 2, rounds: 1, requests: 200, warmUp: 200 };

const SERVICE = fileURLToPath(new URL('./service-process.ts', import.meta.url));

/** Measures every runtime before the embedded cloud, which runs in a process of its own and is not counted. */
export async function measureRuntimes(
  quick: boolean,
  onProgress: (text: string) => void,
): Promise<RuntimesReport> {
  const volume = quick ? QUICK : FULL;
  const service = await startService();
  const projects = await writeProjects(service.environment);
  try {
    const rows: RuntimeRow[] = [];
    for (const runtime of Object.keys(RUNTIMES) as RuntimeName[]) {
      onProgress(runtime);
      const open = (root: string) => RUNTIMES[runtime]({ root, port: 0, environment: service.environment });
      const cold = await measureCold(open, projects, volume.starts);
      const warm = await measureWarm(open, projects, volume);
      rows.push({ runtime, cold, ...warm });
    }
    const ok = rows.every(({ warm }) => warm.ratio <= GOAL);
    return { goal: GOAL, starts: volume.starts, rounds: volume.rounds, requests: volume.requests, rows, ok };
  } finally {
    await service.stop();
    await projects.remove();
  }
}

/** The embedded cloud in a process of its own, and the settings for it. */
export async function startService() {
  const child = spawn(process.execPath, ['--import', 'tsx', SERVICE], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(() => Promise.reject(new Error('the embedded cloud did not start'))),
  ]);
  return {
    environment: JSON.parse(line) as Record<string, string>,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

type Open = (root: string) => Promise<RuntimeProcess>;

/** Milliseconds from the start of the process to the end of the first answer; ours asks database and cache for it. */
async function measureCold(open: Open, projects: Projects, starts: number): Promise<Compared> {
  const times = { hello: [] as number[], ours: [] as number[] };
  // Start 0 fills the caches of the disk.
  for (let start = 0; start <= starts; start += 1) {
    for (const name of ['hello', 'ours'] as const) {
      const began = performance.now();
      const runtime = await open(projects[name]);
      await ask(runtime.url + PATH);
      const milliseconds = performance.now() - began;
      await runtime.stop();
      if (start > 0) times[name].push(milliseconds);
    }
  }
  return compared(times);
}

/** Microseconds of CPU per request, of the runtime's own processes. */
async function measureWarm(open: Open, projects: Projects, volume: typeof FULL) {
  const hello = await openMeasured(open, projects.hello);
  const ours = await openMeasured(open, projects.ours);
  const contenders = {
    hello: { ...hello, path: PATH },
    hop: { ...hello, path: '/api/hop' },
    ours: { ...ours, path: PATH },
  };
  try {
    const times = { hello: [] as number[], hop: [] as number[], ours: [] as number[] };
    let cached = 0;
    for (let round = 0; round <= volume.rounds; round += 1) {
      for (const name of ['hello', 'hop', 'ours'] as const) {
        const { url, path, pids } = contenders[name];
        const before = await cpuMs(pids);
        const requests = round === 0 ? volume.warmUp : volume.requests;
        const withoutDatabase = await askMany(url + path, requests);
        const microseconds = (((await cpuMs(pids)) - before) * 1_000) / requests;
        if (round > 0) times[name].push(microseconds);
        if (round > 0 && name === 'ours') cached += withoutDatabase;
      }
    }
    return {
      warm: compared(times),
      hop: median(times.hop),
      cached: cached / (volume.rounds * volume.requests),
    };
  } finally {
    await hello.stop();
    await ours.stop();
  }
}

/** A runtime with the ids of the processes that it brought. */
async function openMeasured(open: Open, root: string) {
  const before = await familyOf(process.pid);
  const runtime = await open(root);
  const pids = [...(await familyOf(process.pid)).keys()].filter((pid) => !before.has(pid));
  return { ...runtime, pids };
}

function compared({ hello, ours }: Readonly<Record<'hello' | 'ours', readonly number[]>>): Compared {
  return { hello: median(hello), ours: median(ours), ratio: medianRatio(ours, hello) };
}

/** Asks as many times, several at once; resolves to how many answers did not wait for the database. */
async function askMany(url: string, requests: number): Promise<number> {
  let left = requests;
  let withoutDatabase = 0;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      if ((await ask(url)).startsWith('db;dur=0.0,')) withoutDatabase += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return withoutDatabase;
}

/** Resolves to the Server-Timing of the answer; throws when it is no success. */
async function ask(url: string): Promise<string> {
  const answer = await fetch(url);
  await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.headers.get('server-timing') ?? '';
}
