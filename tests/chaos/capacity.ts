/** What a service can do at most: callers who ask again as soon as they are answered, as many as it takes to fill it. */
import { randomUUID } from 'node:crypto';

/** Of one window. */
export interface Capacity {
  /** Answers of success a second, and the milliseconds within which 95 of 100 came. */
  readonly rate: number;
  readonly p95: number;
  /** Answers a second that need neither database nor Redis, right afterwards: what the machine could do just then. */
  readonly bare: number;
}

const CALLERS = 8;
/** None of those where patients walk, whose numbers are counted afterwards. */
const CLINICS = ['bones', 'eyes', 'ent', 'dental'] as const;
const EXAM = { examType: 'courses', gender: 'male' };
/** Milliseconds after which somebody gives up, and after which somebody who was refused asks again. */
const PATIENCE = 8_000;
const REFUSED = 20;

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

/**
 * Fills the service at this address for so many milliseconds, and half as long with nothing. Half of what it asks reads a
 * line, a quarter enters one again, a quarter makes routes of new people: no line grows, which would slow what comes next.
 */
export async function capacityOf(url: string, milliseconds: number): Promise<Capacity> {
  const times = await filled(milliseconds, (caller, turn) => {
    const clinic = CLINICS[caller % CLINICS.length];
    switch ((caller + turn) % 4) {
      case 0:
        return post(`${url}/api/v1/queue/enter`, { clinic, user: `saturating-${caller}` });
      case 2:
        return post(`${url}/api/v1/route/create`, { patientId: randomUUID(), ...EXAM });
      default:
        return succeeds(`${url}/api/v1/queue/status?clinic=${clinic}`);
    }
  });
  const bare = await filled(milliseconds / 2, () => succeeds(`${url}/health/live`));
  return {
    rate: (times.length * 1000) / milliseconds,
    p95: times[Math.floor(times.length * 0.95)] ?? Number.POSITIVE_INFINITY,
    bare: (bare.length * 2000) / milliseconds,
  };
}

/** How long each successful request took that ended in time, in ascending order. */
async function filled(
  milliseconds: number,
  ask: (caller: number, turn: number) => Promise<boolean>,
): Promise<number[]> {
  const end = performance.now() + milliseconds;
  const times: number[] = [];
  async function askAgain(caller: number): Promise<void> {
    for (let turn = 0; performance.now() < end; turn += 1) {
      const asked = performance.now();
      const succeeded = await ask(caller, turn).catch(() => false);
      if (!succeeded) await pause(REFUSED);
      else if (performance.now() < end) times.push(performance.now() - asked);
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => askAgain(caller)));
  return times.sort((a, b) => a - b);
}

const post = (url: string, body: object) =>
  succeeds(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

async function succeeds(url: string, init: RequestInit = {}): Promise<boolean> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) });
  await answer.arrayBuffer();
  return answer.ok;
}
