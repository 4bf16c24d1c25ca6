/**
 * Readers through the cache beside writers, on two Node processes and workerd over one Postgres and one Redis, one of them
 * killed again and again between commit and floor: nobody who asks after a write was answered sees the state before it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalRuntime, startLocalRuntime } from '../../local/local-runtime.ts';
import { startWorkerd } from '../../local/runtimes/workerd.ts';
import { CACHE_TTL } from '../../src/lib/cache.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { builtOutput } from '../support/shared-parts.ts';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { type Random, seededRandom, testSeed } from '../support/sql-random.ts';
import { oneTo, report } from '../support/sql-report.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { mayBeLeftOut, soak, volume } from '../support/volume.ts';

/** Of one day: far more than a committee has, and not so many that counting them is all that the servers do. */
const WRITES = 5_000;
const DAYS = volume(100_000) / WRITES;
const WRITERS = 12;
const READERS = 4;
/** Milliseconds: where a busy machine opened its breaker for Redis, which is for 30 s, no write waits for its floor. */
const FLOORS_WITHIN = 60_000;
/** One for so many writes. */
const KILL_EVERY = 2_500;
const CLINICS = ['lab', 'xray', 'eyes', 'internal', 'ent', 'surgery'] as const;
const TIMEOUT = 10 * 60_000;
const ADMIN = { username: 'admin', password: 'a password for tests' };
const SETTINGS = {
  JWT_SECRET: 'a secret for tests, of thirty-two characters',
  ADMIN_PASSWORD: ADMIN.password,
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'warn',
};

/** Places among the servers. Two stay; the third one dies of a write again and again, and serves in between. */
const NODE = 0;
const WORKERD = 1;
const KILLED = 2;
const STAYING = 2;
const ALL = 3;

/**
 * Milliseconds from which on an answer of workerd may have come without raising the floor: of a writer, who tries twice,
 * and of a reader; by whether its circuit of Redis is sound. It has production's 300 ms for Redis, and Node more here.
 */
const WRITTEN_LATE = { sound: 590, broken: 95 };
const READ_LATE = { sound: 290, broken: 0 };
/** The share of workerd's answers that may be so late, on a machine that does nothing else: they are hardly looked at. */
const LATE_SHARE = 0.05;

/** What can only grow, per clinic: entries, entries that left the line, entries that are done. */
interface Grown {
  readonly total: number;
  readonly left: number;
  readonly done: number;
}

const NOTHING: Grown = { total: 0, left: 0, done: 0 };

let db: SqlDatabase;
let redis: RedisServer;
let wayToRedis: TcpProxy;
let worker: LocalRuntime;
/** Their URLs, by place. */
const urls: string[] = [];
let staying: ServerProcess;
let killed: ServerProcess;
let token: string;
let pins: Readonly<Record<string, string>>;

describe.skipIf(!hasRedisServer() && mayBeLeftOut)('the cache of three processes of two runtimes', () => {
  beforeEach(async () => {
    db = await openMigratedDatabase(4);
    redis = await startRedisServer();
    wayToRedis = await tcpProxyTo(Number(new URL(redis.url).port));
    staying = await newServer(redis.url);
    urls[NODE] = staying.url;
    worker = await startLocalRuntime(startWorkerd, {
      root: await builtOutput(),
      environment: 'test',
      databaseUrl: db.url,
      redisUrl: redis.url,
      settings: SETTINGS,
    });
    urls[WORKERD] = worker.url;
    await startKilled();
    const login = await send(NODE, 'POST', '/api/v1/auth/login', ADMIN);
    token = String(login.body.token);
    const status = await send(NODE, 'GET', '/api/v1/pin/status');
    const shown = status.body.pins as Record<string, { pin: string }>;
    pins = Object.fromEntries(Object.entries(shown).map(([clinic, { pin }]) => [clinic, pin]));
  }, 120_000);
  afterEach(async () => {
    await Promise.all([staying?.kill(), killed?.kill(), worker?.close()]);
    await wayToRedis?.close();
    await redis?.stop();
    await db?.remove();
  });

  it.each(oneTo(DAYS))(
    'never shows what was there before an answered write, and never goes back (day %i)',
    async () => {
      const seed = testSeed();
      const random = seededRandom(seed);
      // At once: a run that is ended from outside says nothing more.
      console.info(`seed ${seed}`);
      const day = new Day(random);
      const writing = Array.from({ length: WRITERS }, () => day.write());
      const reading = Array.from({ length: READERS }, () => day.read());
      const killing = day.killAgainAndAgain().catch((cause: unknown) => day.wrong.push(String(cause)));
      await Promise.all(writing);
      day.isOver = true;
      await Promise.all([...reading, killing]);
      const ofWorkerd = (day.writesBy[WORKERD] ?? 0) + (day.readsBy[WORKERD] ?? 0);
      const late = day.late / ofWorkerd;
      report(
        `writes (${day.writesBy.join(', ')} by Node, workerd, a Node that was killed ${day.kills} times between commit and floor) beside ${day.reads} reads (${day.readsBy.join(', ')}): ${day.wrong.length} older states or steps back; ${day.late} answers of workerd too slow to be counted on (${(late * 100).toFixed(2)} %)`,
        day.writes,
        seed,
      );
      expect(day.wrong, `seed ${seed}`).toEqual([]);
      expect(day.writes).toBeGreaterThanOrEqual(WRITES);
      expect(day.reads).toBeGreaterThan(WRITES / 10);
      expect(day.kills).toBeGreaterThan(0);
      expect(Math.min(...day.readsBy), 'all three were read from').toBeGreaterThan(0);
      if (soak) expect(late).toBeLessThan(LATE_SHARE);
    },
    TIMEOUT,
  );
});

/** Whom a request went to, and how its circuit of Redis was then. */
interface Asked {
  readonly place: number;
  readonly start: number;
  readonly wasSound: boolean;
}

/** An answer to a writer. */
interface Written {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly asked: Asked;
}

class Day {
  writes = 0;
  kills = 0;
  /** Answers of workerd that may not have raised the floor: many on a machine that is too slow for it. */
  late = 0;
  /** Answers, by place. */
  readonly writesBy = [0, 0, 0];
  readonly readsBy = [0, 0, 0];
  isOver = false;
  /** What a read showed that it must not have shown; the first ones are enough. */
  readonly wrong: string[] = [];
  readonly #random: Random;
  readonly #answered = new Map<string, Grown>();
  readonly #seen = new Map<string, Grown>();
  readonly #waiting = new Map<string, string[]>();
  /** From the moment at which it hears nothing from Redis until its successor serves. */
  #isDying = false;
  /** Who is entering by way of the server that will be killed. */
  readonly #entering = new Set<string>();
  #people = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  async write(): Promise<void> {
    while (this.writes < WRITES && this.wrong.length === 0) {
      const clinic = this.#random.pick(CLINICS);
      const waiting = this.#waitingIn(clinic);
      if (this.#random.chance(0.4) || waiting.length === 0) await this.#enter(clinic);
      else if (this.#random.chance(0.5)) await this.#leave(clinic, waiting.shift() ?? '');
      else await this.#call(clinic);
    }
  }

  async read(): Promise<void> {
    while (!this.isOver && this.wrong.length === 0) {
      const clinic = this.#random.pick(CLINICS);
      const least = new Map(CLINICS.map((each) => [each, this.#least(each)] as const));
      const path = this.#random.pick([
        `/api/v1/queue/status?clinic=${clinic}`,
        `/api/v1/queue/status?clinic=${clinic}`,
        '/api/v1/stats/queues',
        '/api/v1/admin/status',
      ]);
      const place = this.#random.below(this.#isDying ? STAYING : ALL);
      const asked = ask(place);
      const answer = await send(place, 'GET', path, undefined, '').catch((cause: unknown) => {
        // Whom it killed meanwhile, it cannot answer; nobody else may fail.
        if (place !== KILLED) throw cause;
      });
      if (!answer) continue;
      const { body } = answer;
      const rows = shownIn(body);
      for (const [shown, grown] of rows) {
        const known = least.get(shown as (typeof CLINICS)[number]);
        if (known && !this.#isRight(known, grown)) {
          this.wrong.push(`${path}: ${shown} was ${JSON.stringify(known)}, showed ${JSON.stringify(grown)}`);
        }
      }
      this.#known(asked, READ_LATE, () => {
        for (const [shown, grown] of rows) {
          this.#seen.set(shown, most(this.#seen.get(shown) ?? NOTHING, grown));
        }
      });
      this.readsBy[place] = (this.readsBy[place] ?? 0) + 1;
    }
  }

  /** A server dies with a write that is committed and whose floor never rises, and another one takes its place. */
  async killAgainAndAgain(): Promise<void> {
    for (let next = KILL_EVERY / 2; !this.isOver; next += KILL_EVERY) {
      while (this.writes < next && !this.isOver) await new Promise((wake) => setTimeout(wake, 20));
      if (this.isOver) return;
      this.#isDying = true;
      // From now on it hears nothing from Redis: its writes end at their floors.
      wayToRedis.swallow();
      this.#entering.clear();
      await until(
        'a write is committed',
        () => this.#committed(),
        (count) => count > 0 || this.isOver,
        FLOORS_WITHIN,
      );
      if (!this.isOver) this.kills += 1;
      await killed.kill();
      await wayToRedis.restore();
      await startKilled();
      this.#isDying = false;
    }
  }

  get reads(): number {
    return this.readsBy.reduce((sum, count) => sum + count, 0);
  }

  /** How many of those who are entering by way of the server without Redis have entered. */
  async #committed(): Promise<number> {
    const query = 'select count(*)::int from queues where patient_id = any($1)';
    return db.value(query, [[...this.#entering]]);
  }

  async #enter(clinic: string): Promise<void> {
    this.#people += 1;
    const user = `consistent-${this.#people}`;
    const answer = await this.#sendUntilAnswered('/api/v1/queue/enter', { clinic, user }, user);
    this.#waitingIn(clinic).push(user);
    this.#grow(answer, clinic, { total: Number(answer.body.number) });
  }

  async #call(clinic: string): Promise<void> {
    // Repeated after a killed server it calls one more, and both have left the line.
    const answer = await this.#sendUntilAnswered('/api/v1/queue/call', { clinic });
    const { status, body } = answer;
    if (status === 200) this.#grow(answer, clinic, { total: Number(body.number) }, { left: 1 });
  }

  async #leave(clinic: string, user: string): Promise<void> {
    const answer = await this.#sendUntilAnswered('/api/v1/queue/done', { clinic, user, pin: pins[clinic] });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    this.#grow(answer, clinic, {}, { done: 1 });
  }

  /** By any of the servers; by another one when it died. Then the first attempt may have been all but answered. */
  async #sendUntilAnswered(path: string, json: object, entering = ''): Promise<Written> {
    // Whom it is about to kill hears of nothing but an enter: twelve writers at once that wait there wait for each other.
    const places = this.#isDying && !entering ? STAYING : ALL;
    for (let place = this.#random.below(places); ; place = this.#random.below(STAYING)) {
      const asked = ask(place);
      if (place === KILLED && entering) this.#entering.add(entering);
      try {
        const answer = await send(place, 'POST', path, json);
        if (answer.status < 500) {
          this.writes += 1;
          this.writesBy[place] = (this.writesBy[place] ?? 0) + 1;
          return { ...answer, asked };
        }
      } catch {
        // The server is gone: whether it wrote, nobody knows.
      } finally {
        this.#entering.delete(entering);
      }
    }
  }

  #grow({ asked }: Written, clinic: string, atLeast: Partial<Grown>, by: Partial<Grown> = {}): void {
    this.#known(asked, WRITTEN_LATE, () => {
      const known = this.#answered.get(clinic) ?? NOTHING;
      this.#answered.set(clinic, {
        total: Math.max(known.total, atLeast.total ?? 0),
        left: known.left + (by.left ?? 0),
        done: known.done + (by.done ?? 0),
      });
    });
  }

  /** What a read that begins now must show: what was answered to writers, and what was shown to readers. */
  #least(clinic: string): Grown {
    const { total, left, done } = this.#answered.get(clinic) ?? NOTHING;
    // Who is done has left the line as well, called before or not: only the larger of the two is certain.
    const answered = { total, left: Math.max(left, done), done };
    const seen = this.#seen.get(clinic) ?? NOTHING;
    return most(answered, seen);
  }

  #isRight(least: Grown, shown: Grown): boolean {
    return shown.total >= least.total && shown.left >= least.left && shown.done >= least.done;
  }

  /** Everybody must know it now; or, where the floor may not have risen, once the cache has forgotten what was before. */
  #known({ place, start, wasSound }: Asked, late: typeof READ_LATE, grow: () => void): void {
    const state = wasSound && isSound(place) ? 'sound' : 'broken';
    if (place === WORKERD && performance.now() - start >= late[state]) {
      this.late += 1;
      setTimeout(grow, CACHE_TTL);
    } else grow();
  }

  #waitingIn(clinic: string): string[] {
    const known = this.#waiting.get(clinic) ?? [];
    this.#waiting.set(clinic, known);
    return known;
  }
}

function most(one: Grown, other: Grown): Grown {
  return {
    total: Math.max(one.total, other.total),
    left: Math.max(one.left, other.left),
    done: Math.max(one.done, other.done),
  };
}

/** What an answer shows of each clinic in it. */
function shownIn(body: Readonly<Record<string, unknown>>): [string, Grown][] {
  const { clinic, queues } = body as { clinic?: string; queues?: object };
  if (clinic !== undefined) {
    const { total, total_waiting: waiting, completed } = body as Record<string, number>;
    return [[clinic, grown(total, waiting, completed)]];
  }
  return Object.entries(queues ?? {}).map(([key, row]) => {
    const { id, total, waiting, in_service: inside, completed } = row;
    return [id ?? key, grown(total ?? waiting + inside + completed, waiting, completed)];
  });
}

function grown(total = 0, waiting = 0, done = 0): Grown {
  return { total, left: total - waiting, done };
}

const ask = (place: number): Asked => ({ place, start: performance.now(), wasSound: isSound(place) });

/** What workerd logged last of its circuit of Redis. Node is given so much time that its own never breaks. */
function isSound(place: number): boolean {
  if (place !== WORKERD) return true;
  const changes = worker.output().matchAll(/"breaker_changed".*"service":"redis".*"to":"(\w+)"/g);
  return (Array.from(changes).at(-1)?.[1] ?? 'CLOSED') === 'CLOSED';
}

const newServer = (redisUrl: string): Promise<ServerProcess> =>
  startServerProcess({ databaseUrl: db.url, redisUrl, settings: SETTINGS });

async function startKilled(): Promise<void> {
  killed = await newServer(`redis://127.0.0.1:${wayToRedis.port}`);
  urls[KILLED] = killed.url;
}

async function send(place: number, method: string, path: string, json?: object, bearer = token) {
  const response = await fetch(`${urls[place]}${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      ...(bearer && { Authorization: `Bearer ${bearer}` }),
    },
    ...(json && { body: JSON.stringify(json) }),
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
}
