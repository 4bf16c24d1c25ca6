/** What a service can do at most: callers who ask again as soon as they are answered, as many as it takes to fill it. */

/** Of one window: answers of success a second, and the milliseconds within which 95 of 100 came. */
export interface Capacity {
  readonly rate: number;
  readonly p95: number;
}

const CALLERS = 8;
/** None of those where patients walk, whose numbers are counted afterwards. */
const CLINICS = ['bones', 'eyes', 'ent', 'dental'] as const;
/** Milliseconds after which somebody gives up, and after which somebody who was refused asks again. */
const PATIENCE = 8_000;
const REFUSED = 20;

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

/** Fills the service at this address for so many milliseconds; half of what it asks writes. */
export async function capacityOf(url: string, milliseconds: number): Promise<Capacity> {
  const start = performance.now();
  const times: number[] = [];
  async function ask(caller: number): Promise<void> {
    const clinic = CLINICS[caller % CLINICS.length];
    const entry = JSON.stringify({ clinic, user: `saturating-${caller}` });
    for (let turn = caller; performance.now() < start + milliseconds; turn += 1) {
      const asked = performance.now();
      const answer = turn % 2 === 0 ? post(`${url}/api/v1/queue/enter`, entry) : look(url, clinic);
      if (await answer.catch(() => false)) times.push(performance.now() - asked);
      else await pause(REFUSED);
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => ask(caller)));
  times.sort((a, b) => a - b);
  const p95 = times[Math.floor(times.length * 0.95)] ?? Number.POSITIVE_INFINITY;
  return { rate: (times.length * 1000) / (performance.now() - start), p95 };
}

const post = (url: string, body: string) =>
  succeeds(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });

const look = (url: string, clinic = '') => succeeds(`${url}/api/v1/queue/status?clinic=${clinic}`, {});

async function succeeds(url: string, init: RequestInit): Promise<boolean> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) });
  await answer.arrayBuffer();
  return answer.ok;
}
