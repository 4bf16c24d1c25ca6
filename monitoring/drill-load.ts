// Load on one target, of which a chosen share finds no database.
import { setTimeout as pause } from 'node:timers/promises';
import type { DrillTarget } from './drill-targets.ts';

/** Milliseconds between two requests: enough of them for a share, and time for everybody else on the machine. */
const PACE = 15;

interface Kind {
  readonly method: 'GET' | 'POST';
  /** As in the label `route`. */
  readonly route: string;
  readonly path: (count: number) => string;
  readonly body?: (count: number) => object;
}

const LOGIN: Kind = {
  method: 'POST',
  route: '/api/v1/patient/login',
  path: () => '/api/v1/patient/login',
  body: (count) => ({ patientId: String(1_000_000 + count), gender: 'male' }),
};

const KINDS: readonly Kind[] = [
  LOGIN,
  { method: 'GET', route: '/api/v1/queue/status', path: () => '/api/v1/queue/status?clinic=lab' },
  { method: 'GET', route: '/health/live', path: () => '/health/live' },
  { method: 'GET', route: 'unmatched', path: (count) => `/nowhere/${count}` },
];

export interface Load {
  /** One request in so many finds no database; 0: none does. */
  faultEvery: number;
  /** How often each `GET /route 200` was answered. */
  readonly answers: ReadonlyMap<string, number>;
  /** Resolves when the last request is answered. Rejects with what went wrong besides the faults. */
  stop(): Promise<void>;
}

/** Sends one request after the other until it is stopped. */
export function startLoad({ url, wayToDatabase }: DrillTarget): Load {
  const answers = new Map<string, number>();
  let isStopped = false;

  async function send({ method, route, path, body }: Kind, count: number): Promise<void> {
    const answer = await fetch(url + path(count), {
      method,
      ...(body && { body: JSON.stringify(body(count)), headers: { 'Content-Type': 'application/json' } }),
    });
    await answer.arrayBuffer();
    const key = `${method} ${route} ${answer.status}`;
    answers.set(key, (answers.get(key) ?? 0) + 1);
  }

  async function run(): Promise<void> {
    for (let count = 1; !isStopped; count += 1) {
      const isFault = load.faultEvery > 0 && count % load.faultEvery === 0;
      if (isFault) await wayToDatabase.down();
      await send(isFault ? LOGIN : (KINDS[count % KINDS.length] ?? LOGIN), count);
      if (isFault) await wayToDatabase.restore();
      await pause(PACE);
    }
  }

  const load: Load = {
    faultEvery: 0,
    answers,
    async stop() {
      isStopped = true;
      await running;
    },
  };
  const running = run();
  // Whoever stops it is told; until then it must not end the process.
  running.catch(() => {});
  return load;
}
