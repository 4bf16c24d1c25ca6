/** The tick, step by step on a clock of its own: what each minute does, what it leaves alone, and what a failure stops. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runTick, schedulerContext } from '../../src/lib/tick.ts';
import { type LineEntry, writeEntries } from '../support/line-entries.ts';
import {
  openSimulatedService,
  type SendOptions,
  type SimulatedService,
} from '../support/simulated-service.ts';

const SECRET = 'a-secret-of-the-scheduler';
const CRON: SendOptions = { headers: { Authorization: `Bearer ${SECRET}` } };
const CLINICS = 13;

interface Tick {
  readonly success: true;
  readonly message: string;
  readonly executionTime: number;
  readonly timestamp: string;
  readonly results: {
    readonly workingHours: boolean;
    readonly processedClinics: number;
    readonly expiredNoShows: number;
    readonly calledPatients: number;
    readonly errors: readonly string[];
    readonly cleanedNotifications: number;
    readonly clinicResults: readonly {
      readonly clinicId: string;
      readonly clinicName: string;
      readonly expiredCount: number;
      readonly callResult: {
        readonly success: boolean;
        readonly reason: string | null;
        readonly number: number | null;
      } | null;
      readonly error: string | null;
    }[];
    readonly jobs: {
      readonly pins_created: number;
      readonly entries_closed: number;
      readonly reports_written: number;
      readonly rows_purged: number;
    };
  };
}

let service: SimulatedService;
beforeAll(async () => {
  service = await openSimulatedService({
    at: '2026-03-01T07:00:00.000Z',
    settings: { CRON_SECRET: SECRET, NO_SHOW_EXPIRY: 'on' },
  });
});
afterAll(() => service?.stop());

/** Each test has a month of its own, so that no line, report or past day of another is in its way. */
let month = 2;
beforeEach(async () => {
  month += 1;
  await service.rows(
    `with q as (delete from queues), r as (delete from reports), e as (delete from events),
       k as (delete from queue_counters), s as (delete from settings where key not in ('timezone', 'service_day_start'))
     update clinics set auto_call = false, is_active = true, call_interval = 300`,
  );
  at('10:00:00');
});

/** A moment of the test's tenth day (or another), on the clock of Qatar, which is three hours ahead of UTC. */
function moment(time: string, day = 10): string {
  const [date] = new Date(Date.UTC(2026, month, day)).toISOString().split('T');
  return new Date(`${date}T${time}+03:00`).toISOString();
}
const at = (time: string, day?: number) => service.setTime(moment(time, day));
const dayOf = (day = 10) => new Date(Date.UTC(2026, month, day)).toISOString().slice(0, 10);

async function tick(options: SendOptions = CRON, method = 'POST'): Promise<Tick> {
  const { status, body } = await service.send<Tick>(method, '/api/system/tick', options);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}
const resultOf = ({ results }: Tick, clinic: string) =>
  results.clinicResults.find(({ clinicId }) => clinicId === clinic);

async function fill(clinic: string, people: number): Promise<void> {
  for (let i = 1; i <= people; i += 1) {
    const json = { clinic, user: `${clinic}-${i}` };
    expect((await service.send('POST', '/api/v1/queue/enter', { json })).status).toBe(200);
  }
}
const automatic = (clinic: string, seconds: number) =>
  service.rows('update clinics set auto_call = true, call_interval = $2::int where code = $1', [
    clinic,
    String(seconds),
  ]);
const set = (key: string, value: unknown) =>
  service.rows(
    `insert into settings (key, value) values ($1, $2::jsonb)
     on conflict (key) do update set value = excluded.value`,
    [key, JSON.stringify(value)],
  );
const statuses = async (clinic: string) =>
  (
    await service.rows(
      'select status from queues where clinic_code = $1 order by service_day, queue_number',
      [clinic],
    )
  ).map(({ status }) => status);
const events = (type: string) =>
  service.rows('select clinic_code, patient_id, data from events where event_type = $1 order by seq', [type]);

function entryOf(clinic: string, number: number, status: LineEntry['status'], day: number): LineEntry {
  const entered = Date.parse(moment('09:00:00', day));
  return {
    clinic,
    user: `${clinic}-${day}-${number}`,
    number,
    day: dayOf(day),
    status,
    priority: 0,
    entered,
    called: status === 'WAITING' ? null : entered + 60_000,
    started: status === 'IN_PROGRESS' ? entered + 120_000 : null,
    completed: status === 'COMPLETED' ? entered + 180_000 : null,
  };
}

describe('who may tick', () => {
  it.each(['GET', 'POST'])('a scheduler with the secret, or a current admin: %s', async (method) => {
    await tick(CRON, method);
    await tick({ token: await service.login() }, method);
    await tick({ headers: { Cookie: `admin_token=${await service.login()}` } }, method);
  });

  it('nobody else, and nothing is done for them', async () => {
    const token = await service.login();
    expect((await service.send('POST', '/admin/logout', { token })).status).toBe(200);
    const refused: SendOptions[] = [
      {},
      { token },
      { headers: { Authorization: 'Bearer' } },
      { headers: { Authorization: `Bearer ${SECRET}x` } },
      { headers: { Authorization: `Bearer ${SECRET.slice(0, -1)}` } },
      { headers: { Authorization: `Bearer ${SECRET.toUpperCase()}` } },
      { headers: { Authorization: `Basic ${SECRET}` } },
      { headers: { Authorization: SECRET } },
      { headers: { Cookie: `admin_token=${SECRET}` } },
    ];
    for (const options of refused) {
      for (const method of ['GET', 'POST']) {
        const { status, body } = await service.send(method, '/api/system/tick', options);
        expect(status, JSON.stringify(options)).toBe(401);
        expect(body.code).toBe('UNAUTHORIZED');
      }
    }
    expect(await service.rows('select 1 from pins where service_day = $1', [dayOf()])).toEqual([]);
  });

  it('not a page of another site, by an admin’s cookie', async () => {
    const { status, body } = await service.send('POST', '/api/system/tick', {
      headers: { Cookie: `admin_token=${await service.login()}`, Origin: 'https://elsewhere.example' },
    });
    expect([status, body.code]).toEqual([403, 'FORBIDDEN']);
  });

  it('HEAD answers and runs nothing', async () => {
    await fill('lab', 1);
    await automatic('lab', 60);
    expect((await service.send('HEAD', '/api/system/tick', CRON)).status).toBe(200);
    expect((await service.send('HEAD', '/api/system/tick')).status).toBe(401);
    expect(await statuses('lab')).toEqual(['WAITING']);
    expect(await service.rows('select 1 from pins where service_day = $1', [dayOf()])).toEqual([]);
  });

  it('without a secret in the settings: admins only', async () => {
    const own = await openSimulatedService({ at: moment('10:00:00') });
    for (const sent of ['undefined', '', 'null', SECRET]) {
      const headers = { Authorization: `Bearer ${sent}` };
      expect((await own.send('POST', '/api/system/tick', { headers })).status).toBe(401);
    }
    expect((await own.send('POST', '/api/system/tick', { token: await own.login() })).status).toBe(200);
    await own.stop();
  });
});

describe('a tick', () => {
  it('answers every field of the contract, and makes the PINs of the day once', async () => {
    const first = await tick();
    expect(first).toStrictEqual({
      success: true,
      message: `Tick done: ${CLINICS} clinics`,
      executionTime: expect.toSatisfy(Number.isInteger),
      timestamp: moment('10:00:00'),
      results: {
        workingHours: true,
        processedClinics: CLINICS,
        expiredNoShows: 0,
        calledPatients: 0,
        errors: [],
        cleanedNotifications: expect.any(Number),
        clinicResults: expect.any(Array),
        jobs: {
          pins_created: CLINICS,
          entries_closed: 0,
          reports_written: 0,
          rows_purged: expect.any(Number),
        },
      },
    });
    expect(first.results.clinicResults).toHaveLength(CLINICS);
    expect(first.results.clinicResults[0]).toStrictEqual({
      clinicId: 'lab',
      clinicName: 'المختبر',
      expiredCount: 0,
      callResult: null,
      error: null,
    });
    expect((await tick()).results.jobs.pins_created).toBe(0);
    const runs = await service.rows(
      'select job, target from job_runs where period in ($1, $2) order by job',
      [dayOf(), dayOf(9)],
    );
    expect(runs).toEqual([
      { job: 'close-day', target: 'node' },
      { job: 'daily-pins', target: 'node' },
    ]);
  });

  it('costs an idle minute two round trips', async () => {
    await tick();
    const { postgres } = service.cloud;
    const before = postgres.requestCount();
    await tick();
    expect(postgres.requestCount() - before).toBe(2);
  });

  it('needs no request: a scheduler of the platform runs the same', async () => {
    await fill('lab', 1);
    await automatic('lab', 60);
    const { results } = await runTick(schedulerContext(service.services));
    expect([results.calledPatients, results.jobs.pins_created]).toEqual([1, CLINICS]);
  });
});

describe('automatic calling', () => {
  it('calls the next one when the interval since the last call is over, and says what stands against it', async () => {
    await fill('lab', 3);
    await automatic('lab', 90);
    const call = async () => resultOf(await tick(), 'lab')?.callResult;

    expect(await call()).toEqual({ success: true, reason: null, number: 1 });
    expect(await call()).toBeNull();
    at('10:01:29.999');
    expect(await call()).toBeNull();
    at('10:01:30');
    expect(await call()).toEqual({ success: true, reason: null, number: 2 });
    expect(await events('CALLED')).toEqual([
      { clinic_code: 'lab', patient_id: 'lab-1', data: '{"by": "auto", "queue_number": 1}' },
      { clinic_code: 'lab', patient_id: 'lab-2', data: '{"by": "auto", "queue_number": 2}' },
    ]);
    // A call by hand moves the next automatic one.
    at('10:02:30');
    const token = await service.login();
    await service.send('POST', '/api/v1/queue/call', { json: { clinic: 'lab' }, token });
    at('10:03:00');
    expect(await call()).toBeNull();
    at('10:04:00');
    expect(await call()).toEqual({ success: false, reason: 'no_waiting', number: null });
    expect((await tick()).results.clinicResults.filter(({ callResult }) => callResult)).toHaveLength(1);
  });

  it('stops at the capacity that staff set', async () => {
    await fill('xray', 4);
    await automatic('xray', 30);
    await set('max_capacity_per_clinic', 2);
    await set('grace_minutes', 120);
    const reasons = [];
    for (const minute of ['10', '11', '12']) {
      at(`10:${minute}:00`);
      reasons.push(resultOf(await tick(), 'xray')?.callResult?.reason);
    }
    expect(reasons).toEqual([null, null, 'capacity_full']);
    expect(await statuses('xray')).toEqual(['CALLED', 'CALLED', 'WAITING', 'WAITING']);
  });

  it('changes nothing of a line that it does not call: no version, no event', async () => {
    await fill('ecg', 1);
    await automatic('ecg', 60);
    await tick();
    at('10:03:00');
    const version = () =>
      service.rows(`select version from queue_counters where clinic_code = 'ecg' and service_day = $1`, [
        dayOf(),
      ]);
    const [before, events_] = [await version(), await service.rows('select count(*) from events')];
    expect(resultOf(await tick(), 'ecg')?.callResult?.reason).toBe('no_waiting');
    expect(await version()).toEqual(before);
    expect(await service.rows('select count(*) from events')).toEqual(events_);
  });

  it.each([
    ['09:59:59.999', false],
    ['10:00:00', true],
    ['10:59:59.999', true],
    ['11:00:00', false],
  ])('keeps the working hours, on the clock of the zone: %s', async (time, isOpen) => {
    await fill('lab', 1);
    await automatic('lab', 60);
    await set('working_hours_start', '10:00');
    await set('working_hours_end', '11:00');
    at(time);
    const { results, message } = await tick();
    expect(results.workingHours).toBe(isOpen);
    expect(results.calledPatients).toBe(isOpen ? 1 : 0);
    expect(message).toBe(isOpen ? `Tick done: ${CLINICS} clinics` : 'Outside working hours');
    // What is not calling happens all the same.
    expect(results.jobs.pins_created).toBe(CLINICS);
  });
});

describe('calls that nobody followed', () => {
  it('end after the grace time, whatever the hour, and make room in the same tick', async () => {
    await fill('eyes', 2);
    await automatic('eyes', 30);
    await set('max_capacity_per_clinic', 1);
    await set('grace_minutes', 2);
    await tick();
    at('10:02:00');
    expect((await tick()).results.expiredNoShows).toBe(0);
    at('10:02:00.001');
    const late = await tick();
    expect(late.results.expiredNoShows).toBe(1);
    expect(resultOf(late, 'eyes')).toMatchObject({
      expiredCount: 1,
      callResult: { success: true, number: 2 },
    });
    expect(await statuses('eyes')).toEqual(['NO_SHOW', 'CALLED']);
    expect(await events('NO_SHOW')).toEqual([
      { clinic_code: 'eyes', patient_id: 'eyes-1', data: '{"queue_number": 1}' },
    ]);

    await set('working_hours_end', '00:00');
    at('10:10:00');
    expect((await tick()).results).toMatchObject({
      workingHours: false,
      expiredNoShows: 1,
      calledPatients: 0,
    });
    expect(await statuses('eyes')).toEqual(['NO_SHOW', 'NO_SHOW']);
    // Whoever comes back gets a new number.
    const { body } = await service.send('POST', '/api/v1/queue/enter', {
      json: { clinic: 'eyes', user: 'eyes-1' },
    });
    expect(body).toMatchObject({ number: 3, entry_status: 'ENTERED' });
  });

  it('of patients who came in do not end', async () => {
    await writeEntries(service.rows, [
      entryOf('ent', 1, 'IN_PROGRESS', 10),
      entryOf('ent', 2, 'WAITING', 10),
      entryOf('ent', 3, 'COMPLETED', 10),
    ]);
    expect((await tick()).results.expiredNoShows).toBe(0);
    expect(await statuses('ent')).toEqual(['IN_PROGRESS', 'WAITING', 'COMPLETED']);
  });

  it('never end while NO_SHOW_EXPIRY is off', async () => {
    const own = await openSimulatedService({ at: moment('10:00:00'), settings: { CRON_SECRET: SECRET } });
    await writeEntries(own.rows, [entryOf('ent', 1, 'CALLED', 10)]);
    const { body } = await own.send<Tick>('POST', '/api/system/tick', CRON);
    expect(body.results.expiredNoShows).toBe(0);
    expect(await own.rows('select status from queues')).toEqual([{ status: 'CALLED' }]);
    await own.stop();
  });
});

describe('past days', () => {
  const daily = (day: number) =>
    service.rows(
      `select data -> 'final' as final, data -> 'totals' -> 'visits' as visits, data -> 'clinics' -> 'lab' -> 'waiting' as waiting,
         data -> 'clinics' -> 'lab' -> 'cancelled' as cancelled
       from reports where report_type = 'daily' and report_date = $1`,
      [dayOf(day)],
    );

  it('are closed, also in a clinic that is not active any more, and only then reported', async () => {
    await writeEntries(service.rows, [
      entryOf('lab', 1, 'WAITING', 9),
      entryOf('lab', 2, 'CALLED', 9),
      entryOf('lab', 3, 'COMPLETED', 9),
      entryOf('xray', 1, 'IN_PROGRESS', 8),
      entryOf('bones', 1, 'WAITING', 8),
      entryOf('lab', 1, 'WAITING', 10),
    ]);
    await service.rows(`update clinics set is_active = false where code = 'bones'`);
    const { results } = await tick();
    expect(results.errors).toEqual([]);
    expect(results.jobs.entries_closed).toBe(4);
    expect(results.jobs.reports_written).toBeGreaterThanOrEqual(2);
    expect(await statuses('lab')).toEqual(['CANCELLED', 'CANCELLED', 'COMPLETED', 'WAITING']);
    expect(await statuses('xray')).toEqual(['CANCELLED']);
    expect(await statuses('bones')).toEqual(['CANCELLED']);
    const closed = (clinic: string, day: number, number: number) => ({
      clinic_code: clinic,
      patient_id: `${clinic}-${day}-${number}`,
      data: `{"reason": "day_closed", "queue_number": ${number}}`,
    });
    expect(await events('CANCELLED')).toEqual([
      closed('bones', 8, 1),
      closed('xray', 8, 1),
      closed('lab', 9, 1),
      closed('lab', 9, 2),
    ]);
    expect(await daily(9)).toEqual([{ final: 'true', visits: '3', waiting: '0', cancelled: '2' }]);
    expect(await daily(10)).toEqual([]);
    const again = (await tick()).results.jobs;
    expect([again.entries_closed, again.reports_written]).toEqual([0, 0]);
  });

  it('end at the moment that the service day does', async () => {
    await fill('lab', 1);
    at('23:59:59.999');
    expect((await tick()).results.jobs.entries_closed).toBe(0);
    at('00:00:00', 11);
    const { jobs } = (await tick()).results;
    expect(jobs).toMatchObject({ entries_closed: 1, pins_created: CLINICS });
    expect(await daily(10)).toMatchObject([{ final: 'true', visits: '1' }]);
  });

  it('get a new report when an entry comes after the close', async () => {
    await writeEntries(service.rows, [entryOf('lab', 1, 'WAITING', 9)]);
    await tick();
    expect(await daily(9)).toMatchObject([{ visits: '1', cancelled: '1' }]);
    await writeEntries(service.rows, [entryOf('lab', 2, 'WAITING', 9)]);
    expect((await tick()).results.jobs.entries_closed).toBe(1);
    expect(await daily(9)).toMatchObject([{ visits: '2', waiting: '0', cancelled: '2' }]);
  });

  it('of a long pause are closed over several ticks, and no day is reported before it is closed', async () => {
    const clinics = ['audio', 'derma', 'dental', 'ecg', 'ent'];
    const days = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    await writeEntries(
      service.rows,
      days.flatMap((day) => clinics.map((clinic) => entryOf(clinic, 1, 'WAITING', day))),
    );
    const first = (await tick()).results.jobs;
    expect(first.entries_closed).toBe(30);
    const reported = (
      await service.rows(`select report_date from reports where report_type = 'daily' order by 1`)
    ).map(({ report_date }) => report_date);
    expect(reported).toEqual([1, 2, 3, 4, 5, 6].map(dayOf));
    expect((await tick()).results.jobs.entries_closed).toBe(15);
    expect(await service.rows(`select 1 from reports where report_type = 'daily'`)).toHaveLength(9);
  });
});

describe('an error in one clinic', () => {
  it('is listed without its text, and stops neither the other clinics nor the rest', async () => {
    for (const clinic of ['ecg', 'lab', 'xray']) {
      await fill(clinic, 1);
      await automatic(clinic, 60);
    }
    await writeEntries(service.rows, [entryOf('ecg', 1, 'WAITING', 9), entryOf('lab', 1, 'WAITING', 9)]);
    await service.rows(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'internal text of the database'; end $$`);
    await service.rows(`create trigger refuse before update of status on queues
      for each row when (new.clinic_code = 'ecg') execute function refuse()`);
    try {
      const { results } = await tick();
      expect(results.errors).toEqual([`${dayOf(9)} ecg: INTERNAL_ERROR`, 'ecg: INTERNAL_ERROR']);
      expect(JSON.stringify(results)).not.toContain('internal text');
      expect(results.calledPatients).toBe(2);
      expect(results.jobs).toMatchObject({ entries_closed: 1, pins_created: CLINICS, reports_written: 0 });
      const again = await tick();
      expect(resultOf(again, 'lab')?.error).toBeNull();
      expect(resultOf(again, 'ecg')).toMatchObject({ callResult: null, error: expect.any(String) });
      // Nothing of the failed call is left behind.
      expect(await events('CALLED')).toHaveLength(2);
    } finally {
      await service.rows('drop trigger refuse on queues');
      await service.rows('drop function refuse()');
    }
    const repaired = await tick();
    expect(repaired.results.errors).toEqual([]);
    expect(repaired.results.jobs.entries_closed).toBe(1);
    expect(repaired.results.jobs.reports_written).toBeGreaterThanOrEqual(1);
    expect(resultOf(repaired, 'ecg')?.callResult?.success).toBe(true);
  });
});

describe('the purge', () => {
  it('deletes events of an hour, keys of a day and job runs of 400 days ago, and nothing younger', async () => {
    await tick();
    await service.rows('delete from events');
    await service.rows(
      `insert into events (event_type, created_at) values ('OLD', $1::timestamptz), ('YOUNG', $2::timestamptz)`,
      [moment('08:59:59'), moment('09:00:01')],
    );
    await service.rows(
      `insert into idempotency_keys (key, scope, request_hash, status, response, created_at)
       values ('old', 's', 'h', 200, '{}', $1::timestamptz), ('young', 's', 'h', 200, '{}', $2::timestamptz)`,
      [moment('09:59:59', 9), moment('10:00:01', 9)],
    );
    await service.rows(
      `insert into job_runs (job, period) values ('close-day', '2001-01-01'), ('daily-pins', '2001-01-01')`,
    );
    const { results } = await tick();
    expect(results.cleanedNotifications).toBe(1);
    expect(results.jobs.rows_purged).toBe(4);
    expect(await service.rows(`select job from job_runs where period like '2001%'`)).toEqual([]);
    const guards = `select job from job_runs where job = 'close-day' and period = $1`;
    expect(await service.rows(guards, [dayOf(9)])).toEqual([{ job: 'close-day' }]);
    expect(await service.rows('select event_type from events')).toEqual([{ event_type: 'YOUNG' }]);
    expect(await service.rows('select key from idempotency_keys')).toEqual([{ key: 'young' }]);
  });
});
