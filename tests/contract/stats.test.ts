/** Section 2.8 of the contract, and the clinics' configuration of 2.6: the numbers of the day as anybody may see them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_INT, type Answer, ISO, newId, request } from './http.ts';
import { CLINIC_IDS, CLINICS, type Clinic, QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

interface Row {
  readonly id: Clinic;
  readonly waiting: number;
  readonly in_service: number;
  readonly completed: number;
  readonly total: number;
  readonly current: number | null;
  readonly capacity: number;
  readonly active: boolean;
  readonly status: string;
  readonly eta_minutes: number;
}

interface Dashboard {
  readonly stats: {
    readonly totalWaiting: number;
    readonly activeQueues: number;
    readonly completedToday: number;
  };
  readonly currentPatients: number;
  readonly throughputHour: number;
  readonly total_patients: number;
}

async function rows(): Promise<Row[]> {
  const { status, body } = await client.get('/api/v1/stats/queues');
  expect(status).toBe(200);
  return body.queues as Row[];
}

async function dashboard(): Promise<Dashboard> {
  const { status, body } = await client.get('/api/v1/stats/dashboard');
  expect(status).toBe(200);
  return body as unknown as Dashboard;
}

describe('GET /api/v1/stats/dashboard', () => {
  it('has exactly the fields of the contract, each number under both its names', async () => {
    const { status, body } = await client.get('/api/v1/stats/dashboard');
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      stats: { totalWaiting: ANY_INT, activeQueues: ANY_INT, completedToday: ANY_INT, avgWaitTime: ANY_INT },
      currentPatients: ANY_INT,
      completedToday: ANY_INT,
      avgWaitTime: ANY_INT,
      throughputHour: ANY_INT,
      total_patients: ANY_INT,
      total_queues: CLINIC_IDS.length,
      active_queues: ANY_INT,
      timestamp: ISO,
    });
    expect(body).toMatchObject({
      stats: {
        activeQueues: body.active_queues,
        completedToday: body.completedToday,
        avgWaitTime: body.avgWaitTime,
      },
    });
  });

  it('follows a patient from the door to the exit', async () => {
    const user = newId('stats');
    const before = await dashboard();
    await client.enter('ent', user);
    const entered = await dashboard();
    expect(entered.stats.totalWaiting).toBe(before.stats.totalWaiting + 1);
    expect(entered.currentPatients).toBe(before.currentPatients + 1);
    expect(entered.total_patients).toBe(before.total_patients + 1);
    // The same person in a second line waits twice and is one person.
    await client.enter('audio', user);
    const twice = await dashboard();
    expect(twice.stats.totalWaiting).toBe(before.stats.totalWaiting + 2);
    expect(twice.currentPatients).toBe(entered.currentPatients);
    expect(twice.total_patients).toBe(entered.total_patients);

    for (const clinic of ['ent', 'audio'] as const) {
      expect((await client.done(clinic, user, await client.pin(clinic))).status).toBe(200);
    }
    const left = await dashboard();
    expect(left.stats.totalWaiting).toBe(before.stats.totalWaiting);
    expect(left.stats.completedToday).toBe(before.stats.completedToday + 2);
    expect(left.throughputHour).toBe(before.throughputHour + 2);
    expect(left.currentPatients).toBe(before.currentPatients);
    expect(left.total_patients).toBe(before.total_patients + 1);
  });

  it('agrees with the rows of the clinics', async () => {
    const [{ stats }, lines] = await Promise.all([dashboard(), rows()]);
    const sum = (of: (row: Row) => number) => lines.reduce((total, row) => total + of(row), 0);
    expect(stats.totalWaiting).toBe(sum(({ waiting }) => waiting));
    expect(stats.completedToday).toBe(sum(({ completed }) => completed));
    expect(stats.activeQueues).toBe(lines.filter(({ active }) => active).length);
  });
});

describe('GET /api/v1/stats/queues', () => {
  it('has one row for each clinic, in the order and with exactly the fields of the contract', async () => {
    const { status, body } = await client.get('/api/v1/stats/queues');
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      queues: CLINIC_IDS.map((id) => ({
        id,
        clinic: id,
        name: CLINICS[id].arabic,
        nameAr: CLINICS[id].arabic,
        name_ar: CLINICS[id].arabic,
        name_en: expect.stringMatching(/^[A-Z][A-Za-z -]+$/),
        clinic_name: CLINICS[id].arabic,
        current: expect.toSatisfy((value) => value === null || Number.isInteger(value)),
        current_display: ANY_INT,
        total: ANY_INT,
        waiting: ANY_INT,
        in_service: ANY_INT,
        completed: ANY_INT,
        active: expect.any(Boolean),
        capacity: ANY_INT,
        current_load: ANY_INT,
        occupancy_percent: ANY_INT,
        reviewer_number: expect.toSatisfy((value) => value === '-' || Number.isInteger(value)),
        status: expect.stringMatching(/^(queued|called|started|completed)$/),
        eta_minutes: ANY_INT,
      })),
      timestamp: ISO,
    });
  });

  it('says in each row what the line of the clinic says', async () => {
    await client.enter('dental', newId('stats'));
    await client.enter('dental', newId('stats'));
    await client.call('dental');
    for (const row of await rows()) {
      const line = await client.line(row.id);
      expect(row).toMatchObject({
        current: line.current,
        current_display: line.current ?? 0,
        waiting: line.total_waiting,
        in_service: line.in_service,
        completed: line.completed,
        total: line.total,
        current_load: line.in_service,
        occupancy_percent: Math.round((100 * line.in_service) / row.capacity),
        reviewer_number: line.current ?? line.waiting[0]?.ticket ?? '-',
      });
    }
  });

  it('holds no id of anybody', async () => {
    const user = newId('hidden');
    await client.enter('derma', user);
    for (const path of ['/api/v1/stats/queues', '/api/v1/stats/dashboard']) {
      expect((await client.get(path, { token: client.token })).text).not.toContain(user);
    }
  });
});

describe('GET /config/clinic-pins', () => {
  const get = (token?: string): Promise<Answer> =>
    request(target.url, 'GET', '/config/clinic-pins', token === undefined ? {} : { token });
  const body = (pins: object) => ({
    success: true,
    clinics: CLINIC_IDS.map((id) => ({
      id,
      name: CLINICS[id].arabic,
      name_en: expect.stringMatching(/^[A-Z][A-Za-z -]+$/),
      floor: CLINICS[id].floorCode,
    })),
    pins,
    names: Object.fromEntries(CLINIC_IDS.map((id) => [id, CLINICS[id].arabic])),
  });

  it('masks every PIN, also for a bad token', async () => {
    const masked = Object.fromEntries(CLINIC_IDS.map((id) => [id, '**']));
    for (const token of [undefined, 'bad', `${client.token}x`]) {
      const answer = await get(token);
      expect(answer.status).toBe(200);
      expect(answer.body).toStrictEqual(body(masked));
    }
  });

  it('shows an admin the PINs that pin/status shows', async () => {
    const { pins } = await client.pins();
    const values = Object.fromEntries(CLINIC_IDS.map((id) => [id, pins[id]?.pin]));
    expect((await get(client.token)).body).toStrictEqual(body(values));
  });
});
