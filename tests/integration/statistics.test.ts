/** Every number of the statistics, computed a second time from rows in known states; and what an answer costs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LineEntry, randomLine, writeEntries } from '../support/line-entries.ts';
import { openSimulatedService, type SimulatedService } from '../support/simulated-service.ts';
import { seededRandom, testSeed } from '../support/sql-random.ts';
import { until } from '../support/until.ts';

const DAY = '2026-03-10';
const NOW = '2026-03-10T09:30:00.000Z';
const now = Date.parse(NOW);
const seed = testSeed();
const ACTIVE = ['WAITING', 'CALLED', 'IN_PROGRESS'];

let service: SimulatedService;
let token: string;
let entries: LineEntry[];

/** Lines of every kind: full, waiting only, called only, finished only, empty, and one of a clinic that is closed. */
function linesOfTheDay(): LineEntry[] {
  const random = seededRandom(seed);
  const base = {
    day: DAY,
    priority: 0,
    entered: now - 600_000,
    called: null,
    started: null,
    completed: null,
  };
  return [
    ...randomLine(random, 'lab', DAY, now, 60),
    ...randomLine(random, 'xray', DAY, now, 30),
    ...randomLine(random, 'eyes', DAY, now, 3),
    ...randomLine(random, 'bones', DAY, now, 20),
    { ...base, clinic: 'vitals', user: 'w-1', number: 1, status: 'WAITING' },
    { ...base, clinic: 'vitals', user: 'w-2', number: 2, status: 'WAITING', priority: 3 },
    { ...base, clinic: 'ecg', user: 'c-1', number: 1, status: 'CALLED', called: now - 60_000 },
    { ...base, clinic: 'audio', user: 'f-1', number: 1, status: 'COMPLETED', completed: now - 3_600_000 + 1 },
    { ...base, clinic: 'audio', user: 'f-2', number: 2, status: 'COMPLETED', completed: now - 3_600_000 },
    { ...base, clinic: 'ent', user: 'n-1', number: 1, status: 'NO_SHOW', called: now - 500_000 },
    // Yesterday never counts.
    {
      ...base,
      clinic: 'derma',
      user: 'y-1',
      number: 1,
      status: 'COMPLETED',
      day: '2026-03-09',
      completed: now,
    },
  ];
}

beforeAll(async () => {
  console.info(`seed ${seed}`);
  service = await openSimulatedService({ at: NOW });
  entries = linesOfTheDay();
  await writeEntries(service.rows, entries);
  await service.rows(`update clinics set is_active = false where code = 'bones'`);
  await service.rows(`update clinics set capacity = 4 where code = 'lab'`);
  await service.rows(`update clinics set call_interval = 90, auto_call = true where code = 'xray'`);
  token = await service.login();
});
afterAll(() => service?.stop());

const today = () => entries.filter(({ day, clinic }) => day === DAY && clinic !== 'bones');
const lineOf = (clinic: string) => today().filter((entry) => entry.clinic === clinic);
const count = (line: readonly LineEntry[], ...statuses: string[]) =>
  line.filter(({ status }) => statuses.includes(status)).length;
const distinct = (values: readonly string[]) => new Set(values).size;
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

const byPlace = (line: readonly LineEntry[]) =>
  line
    .filter(({ status }) => status === 'WAITING')
    .sort((a, b) => b.priority - a.priority || a.number - b.number);

/** Called last, of those who are called or inside. */
const currentOf = (line: readonly LineEntry[]) =>
  line
    .filter(({ status }) => status === 'CALLED' || status === 'IN_PROGRESS')
    .sort((a, b) => (b.called ?? 0) - (a.called ?? 0) || b.number - a.number)[0];

function meanServiceMinutes(line: readonly LineEntry[]): number {
  const visits = line
    .filter(({ status, called, started }) => status === 'COMPLETED' && (started ?? called) !== null)
    .sort((a, b) => (b.completed ?? 0) - (a.completed ?? 0))
    .slice(0, 20)
    .map(({ completed, called, started }) => ((completed ?? 0) - (started ?? called ?? 0)) / 60_000);
  if (visits.length < 3) return 5;
  const mean = visits.reduce((sum, minutes) => sum + minutes, 0) / visits.length;
  return Math.min(60, Math.max(1, mean));
}

async function clinics() {
  return service.rows('select * from clinics where is_active order by display_order');
}

describe('GET /api/v1/stats/dashboard', () => {
  it('has every number of the contract, and no other field', async () => {
    const all = today();
    const waits = all
      .filter(({ status, called }) => called !== null || status === 'COMPLETED')
      .map(({ called, completed, entered }) => ((called ?? completed ?? 0) - entered) / 60_000);
    const avgWaitTime = Math.round(waits.reduce((sum, wait) => sum + wait, 0) / waits.length);
    const activeQueues = distinct(
      all.filter(({ status }) => ACTIVE.includes(status)).map(({ clinic }) => clinic),
    );
    const completedToday = count(all, 'COMPLETED');

    const { status, body } = await service.send('GET', '/api/v1/stats/dashboard');
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      stats: { totalWaiting: count(all, 'WAITING'), activeQueues, completedToday, avgWaitTime },
      currentPatients: distinct(all.filter((e) => ACTIVE.includes(e.status)).map(({ user }) => user)),
      completedToday,
      avgWaitTime,
      throughputHour: all.filter((e) => e.status === 'COMPLETED' && (e.completed ?? 0) > now - 3_600_000)
        .length,
      total_patients: distinct(all.map(({ user }) => user)),
      total_queues: 12,
      active_queues: activeQueues,
      timestamp: NOW,
    });
  });
});

describe('GET /api/v1/stats/queues', () => {
  it('has one row for each clinic in its order, with every number of the contract and no id of a person', async () => {
    const expected = (await clinics()).map((clinic) => {
      const code = String(clinic.code);
      const line = lineOf(code);
      const current = currentOf(line);
      const waiting = count(line, 'WAITING');
      const inService = count(line, 'CALLED', 'IN_PROGRESS');
      const arabic = String(clinic.name_ar);
      return {
        id: code,
        clinic: code,
        name: arabic,
        nameAr: arabic,
        name_ar: arabic,
        name_en: clinic.name,
        clinic_name: arabic,
        current: current?.number ?? null,
        current_display: current?.number ?? 0,
        total: line.length,
        waiting,
        in_service: inService,
        completed: count(line, 'COMPLETED'),
        active: waiting + inService > 0,
        capacity: Number(clinic.capacity),
        current_load: inService,
        occupancy_percent: Math.round((100 * inService) / Number(clinic.capacity)),
        reviewer_number: current?.number ?? byPlace(line)[0]?.number ?? '-',
        status: current
          ? current.status === 'CALLED'
            ? 'called'
            : 'started'
          : waiting > 0
            ? 'queued'
            : 'completed',
        eta_minutes: Math.round(waiting * meanServiceMinutes(line)),
      };
    });

    const { status, body, ...rest } = await service.send('GET', '/api/v1/stats/queues');
    expect(status, JSON.stringify(rest)).toBe(200);
    expect(body).toStrictEqual({ success: true, queues: expected, timestamp: NOW });
    const shown = new Map(expected.map((row) => [row.id, row]));
    // The chosen lines show each of the states once.
    expect(shown.get('vitals')).toMatchObject({ status: 'queued', reviewer_number: 2 });
    expect(shown.get('ecg')).toMatchObject({ status: 'called', reviewer_number: 1, occupancy_percent: 100 });
    expect(shown.get('audio')).toMatchObject({ status: 'completed', reviewer_number: '-', eta_minutes: 0 });
    expect(shown.get('ent')).toMatchObject({ total: 1, active: false });
    expect(shown.get('derma')).toMatchObject({ total: 0 });
    expect(shown.has('bones')).toBe(false);
  });
});

describe('GET /api/v1/admin/status', () => {
  async function overview(isAdmin: boolean) {
    const { status, body } = await service.send<{ queues: Record<string, { pin: string }> }>(
      'GET',
      '/api/v1/admin/status',
      isAdmin ? { token } : {},
    );
    expect(status).toBe(200);
    return body;
  }

  async function expected(isAdmin: boolean) {
    const pins = new Map(
      (
        await service.rows(`select clinic_code, pin from pins where is_active and service_day = '${DAY}'`)
      ).map(({ clinic_code, pin }) => [clinic_code, pin]),
    );
    const queues = (await clinics()).map((clinic) => {
      const line = lineOf(String(clinic.code));
      const inside = line
        .filter(({ status }) => status === 'CALLED' || status === 'IN_PROGRESS')
        .sort((a, b) => a.number - b.number);
      const list = [...inside, ...byPlace(line)].map(({ number, user, status, entered, called }) => ({
        number,
        user,
        status: status === 'IN_PROGRESS' ? 'IN_SERVICE' : status,
        entered_at: iso(entered),
        called_at: iso(called),
      }));
      const served = line
        .filter(({ status }) => status === 'COMPLETED')
        .sort((a, b) => (b.completed ?? 0) - (a.completed ?? 0) || b.number - a.number)
        .slice(0, 10)
        .map(({ number, completed }) => ({ number, completed_at: iso(completed) }));
      const overview = {
        list: isAdmin ? list : [],
        current: currentOf(line)?.number ?? null,
        served: isAdmin ? served : [],
        pin: isAdmin ? pins.get(clinic.code ?? '') : null,
        waiting: count(line, 'WAITING'),
        in_service: inside.length,
        completed: count(line, 'COMPLETED'),
        call_interval: Number(clinic.call_interval),
        auto_call: clinic.auto_call === 't',
      };
      return [clinic.code, overview];
    });
    const served = count(today(), 'COMPLETED');
    const yes = {
      KV_PINS: true,
      KV_QUEUES: true,
      KV_ADMIN: true,
      KV_EVENTS: true,
      KV_LOCKS: true,
      KV_CACHE: true,
    };
    return {
      success: true,
      online: true,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      kv_sync: true,
      kv_bindings: yes,
      stats: {
        total_waiting: count(today(), 'WAITING'),
        total_done: served,
        total_served: served,
        active_clinics: 12,
      },
      queues: Object.fromEntries(queues),
      system: {
        target: 'node',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        commit: expect.any(String),
        service_day: DAY,
        uptime_seconds: 0,
      },
      timestamp: NOW,
    };
  }

  it('shows the public neither people nor PINs, and makes none', async () => {
    expect(await overview(false)).toStrictEqual(await expected(false));
    expect(await service.rows('select 1 from pins')).toEqual([]);
  });

  it('shows an admin all of it, with PINs that it makes where they are missing', async () => {
    const first = await overview(true);
    expect(first).toStrictEqual(await expected(true));
    for (const { pin } of Object.values(first.queues)) expect(pin).toMatch(/^[1-9][0-9]$/);
    expect(await overview(true)).toStrictEqual(first);
  });

  it('is the public one for a token that was revoked', async () => {
    await service.send('POST', '/admin/logout', { token });
    expect(await overview(true)).toStrictEqual(await expected(false));
    token = await service.login();
  });
});

/** A machine shared with others may halt the client for longer than it waits. */
async function forgetCached(): Promise<void> {
  await until(
    'Redis is empty',
    () => service.services.redis?.client.flushdb().catch(() => 'too slow'),
    (answer) => answer === 'OK',
  );
}

describe('an answer of the statistics', () => {
  it('is one statement in one round trip, for 12 clinics as for 52', async () => {
    const { postgres } = service.cloud;
    const paths = [
      '/api/v1/stats/dashboard',
      '/api/v1/stats/queues',
      '/api/v1/admin/status',
      '/config/clinic-pins',
    ];
    const cost = async (path: string) => {
      await forgetCached();
      const before = [postgres.requestCount(), postgres.queryCount()] as const;
      const { status } = await service.send('GET', path, { token });
      expect(status).toBe(200);
      return [postgres.requestCount() - before[0], postgres.queryCount() - before[1]];
    };
    for (const path of paths) expect(await cost(path), path).toEqual([1, 1]);

    await service.rows(
      `insert into clinics (code, name, display_order) select 'more-' || n, 'More ' || n, 100 + n
       from generate_series(1, 40) as n`,
    );
    for (const path of paths) expect(await cost(path), path).toEqual([1, 1]);
    await forgetCached();
    const { body } = await service.send<{ queues: object[] }>('GET', '/api/v1/stats/queues');
    expect(body.queues).toHaveLength(52);
    expect(body.queues[51]).toMatchObject({ id: 'more-40', name: 'More 40', total: 0 });
    await service.rows(`delete from clinics where code like 'more-%'`);
  });
});
