/** A day at the page: the requests that the deployed page makes, from login to the last clinic, for patient and admin. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { newId } from './http.ts';
import { type Frame, PageBrowser, type Seen } from './page-browser.ts';
import { PagePatient, type PageStation, pageId, typed } from './page-patient.ts';
import { CLINIC_IDS, QueueClient } from './queue-client.ts';
import { openFreshTarget, ownPostgres, type Target, TURN_TIMEOUT } from './target.ts';

const NOWHERE: PageStation = { id: '', clinic: 'lab' };

let target: Target;
let staff: QueueClient;
let admin: PageBrowser;
beforeAll(async () => {
  // With the settings that a deployment has when nobody changes any.
  target = await openFreshTarget({}, ownPostgres);
  staff = await QueueClient.open(target);
  admin = new PageBrowser(target.url);
}, TURN_TIMEOUT);
afterAll(async () => {
  admin?.close();
  await target?.close();
});

type Kind = 'text' | 'number' | 'boolean' | 'list' | 'object' | 'text?' | 'number?';

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  list: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'text?': (value) => value === null || typeof value === 'string',
  'number?': (value) => value === null || typeof value === 'number',
};

/** Every field that a screen reads is there, with the type it is read as. */
function expectReads(value: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, Kind>>): void {
  for (const [name, kind] of Object.entries(fields)) {
    expect(IS[kind](value[name]), `${name} is ${JSON.stringify(value[name])}, not ${kind}`).toBe(true);
  }
}

/** A success as the page takes it. */
function expectSuccess(answer: Seen): void {
  expect(answer.ok, JSON.stringify(answer.body)).toBe(true);
  expect(answer.body.success, JSON.stringify(answer.body)).toBe(true);
}

/** Most of these that lie within ten seconds. */
function mostInTenSeconds(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 10_000).length));
}

async function called(clinic: string): Promise<void> {
  const answer = await admin.post('/api/v1/queue/call', { clinic });
  expectSuccess(answer);
}

describe('an admin logs in at the page', () => {
  it('with a wrong password: ends at no URL with /admin, and has no cookie', async () => {
    const answer = await admin.submit('/admin/login', { username: target.admin.username, password: 'wrong' });
    expect(answer.ok).toBe(false);
    expect(new URL(answer.url).pathname).not.toContain('/admin');
    expect(admin.hasCookie).toBe(false);
  });

  it('without a login sees no PIN and nobody’s id, and the screens still have what they read', async () => {
    const { body } = await admin.get('/api/v1/admin/status');
    for (const clinic of CLINIC_IDS) {
      expectReads(body.queues[clinic], { current: 'number?', waiting: 'number', list: 'list', pin: 'text?' });
      expect(body.queues[clinic].pin).toBeNull();
    }
    const call = await admin.post('/api/v1/queue/call', { clinic: 'lab' });
    expect([call.status, call.body.success, call.body.code]).toStrictEqual([200, false, 'UNAUTHORIZED']);
  });

  it('with the right one: stays at /admin, with the cookie', async () => {
    const answer = await admin.submit('/admin/login', { ...target.admin });
    expect(answer.ok).toBe(true);
    expect(new URL(answer.url).pathname).toContain('/admin');
    expect(admin.hasCookie).toBe(true);
  });
});

describe('a patient walks through ten clinics at the page', () => {
  const browser = () => new PageBrowser(target.url);
  let patient: PagePatient;
  let stations: readonly PageStation[];
  let everybody: readonly Frame[];
  let own: readonly Frame[];
  const delays: number[] = [];
  const ofType = (type: string) => own.filter(({ data }) => data.type === type);
  const isNine = (count: number) => count === 9;

  beforeAll(async () => {
    patient = new PagePatient(browser(), pageId());
    expect(patient.user).toMatch(/^\d{13}-[a-z0-9]{9}$/);
  });
  afterAll(async () => {
    await patient.leave();
    patient.browser.close();
  });

  it('looks for the server once, and opens its streams', async () => {
    const { body } = await patient.browser.get('/api/v1/health/status');
    expect(body).toMatchObject({ success: true, status: 'healthy', backend: 'up' });
    everybody = await patient.browser.openStream('/api/v1/events/stream');
    own = await patient.browser.openStream(`/api/v1/events/stream?user=${patient.user}`);
    expect((await patient.browser.get('/api/v1/path/choose')).body).toStrictEqual({
      success: true,
      sticky: false,
      route: [],
      path: [],
    });
  });

  it('sends the route it computed, and enters the lab once', async () => {
    const made = await patient.createRoute();
    expectSuccess(made.answer);
    stations = made.stations;
    expect(stations).toHaveLength(10);
    const [first = NOWHERE] = stations;
    await staff.drain(first.clinic);
    for (const user of [newId('ahead'), newId('ahead')]) await staff.enter(first.clinic, user);
    const entered = await patient.enter('lab', false);
    expectSuccess(entered);
    expect(entered.body.number || entered.body.display_number).toBeGreaterThan(0);
  });

  it('gets the route back as it sent it, in objects', async () => {
    const { body } = await patient.browser.get(`/api/v1/route/get?patientId=${patient.user}`);
    expect(body.success).toBe(true);
    expect(body.route.stations.map(({ id }: PageStation) => id)).toStrictEqual(stations.map(({ id }) => id));
    for (const station of body.route.stations) {
      expectReads(station, { id: 'text', name: 'text', nameAr: 'text', floor: 'text', floorCode: 'text' });
    }
  });

  it('asks for the figures twice at each refresh, and gets lists; the PINs it asks for are masked', async () => {
    const answers = await Promise.all([1, 2].map(() => patient.browser.get('/api/v1/stats/queues')));
    for (const { body } of answers) expect(Array.isArray(body)).toBe(true);
    const { body } = await patient.browser.get('/api/v1/pin/status');
    expect(body).toMatchObject({ success: true, currentPin: null, allPins: [] });
  });

  it('sees the line move, stays in with a wrong PIN, and leaves with the right one as typed', async () => {
    const [first = NOWHERE] = stations;
    expectSuccess(await patient.enter(first.id, true));
    patient.watch(first.id);
    await patient.shows('two ahead', ({ ahead }) => ahead === 2);
    expectReads(
      { ...patient.display },
      {
        display_number: 'number',
        ahead: 'number',
        total_waiting: 'number',
        estimated_wait_minutes: 'number',
      },
    );
    for (const place of [2, 1, 0]) {
      const pending = patient.shows(`place ${place}`, ({ display_number }) => display_number === place);
      await called(first.clinic);
      delays.push(await pending);
    }

    const wrong = await patient.done(first.id, await staff.wrongPin());
    expect([wrong.status, wrong.body.success]).toStrictEqual([200, false]);
    expect(wrong.body.error).toMatch(/PIN/);
    const empty = await patient.done(first.id, '  ');
    expect([empty.status, empty.body.success, empty.body.code]).toStrictEqual([200, false, 'PIN_REQUIRED']);
    const line = await staff.line(first.clinic);
    expect(line.list.find(({ user }) => user === patient.user)?.status).toBe('CALLED');
    expect(patient.display?.display_number).toBe(0);

    const done = await patient.done(first.id, typed(await staff.pin(first.clinic)));
    expectSuccess(done);
    expectReads(done.body, { duration_minutes: 'number' });
    await patient.shows('the end', ({ display_number }) => display_number === -1);
    await patient.leave();
  });

  it('asks at most twice in ten seconds while nothing happens', async () => {
    const [, second = NOWHERE] = stations;
    expectSuccess(await patient.enter(second.id, true));
    patient.watch(second.id);
    const asked = () => patient.browser.sent.filter(({ path }) => path.includes(`clinic=${second.id}&`));
    const idle = () => asked().filter(({ conditional }) => conditional);
    // Two holds that ended, and the third that began.
    const deadline = performance.now() + 4_000 * target.longPollSeconds;
    while (idle().length < 3 && performance.now() < deadline) {
      await new Promise((wake) => setTimeout(wake, 100));
    }
    expect(idle().length).toBeGreaterThanOrEqual(3);
    expect(asked().length - idle().length).toBe(1);
    const most = mostInTenSeconds(idle().map(({ at }) => at));
    console.log(`page session: at most ${most} requests for the place in ten seconds while idle`);
    expect(most).toBeLessThanOrEqual(Math.ceil(10 / target.longPollSeconds));
    await patient.leave();
  });

  it('finishes the other nine, each call on the screen within a second', async () => {
    for (const [index, { id, clinic }] of stations.entries()) {
      if (index === 0) continue;
      expectSuccess(await patient.enter(id, true));
      patient.watch(id);
      await patient.shows('a place', ({ display_number }) => display_number >= 0);
      if (patient.display?.display_number !== 0) {
        const pending = patient.shows('the call', ({ display_number }) => display_number === 0);
        await staff.callUntil(clinic, patient.user);
        delays.push(await pending);
      }
      // The end of the ninth says where to go next, and is told only while there is a next one.
      if (index === 9) await until('nine ends are told', () => ofType('STEP_DONE_NEXT').length, isNine);
      const done = await patient.done(id, typed(await staff.pin(clinic)));
      expectSuccess(done);
      expect(done.body.route_completed).toBe(index === 9);
      await patient.leave();
      const { body } = await patient.browser.get(`/api/v1/route/get?patientId=${patient.user}`);
      const states = body.route.stations.map(({ status }: { status: string }) => status);
      expect(states).toStrictEqual(
        states.map((_: string, at: number) =>
          at <= index ? 'completed' : at === index + 1 ? 'ready' : 'locked',
        ),
      );
    }
    expect(delays.length).toBeGreaterThanOrEqual(10);
    console.log(
      `page session: ${delays.length} changes on screen, slowest ${Math.round(Math.max(...delays))} ms`,
    );
    expect(Math.max(...delays)).toBeLessThan(1_000);
    expect(patient.failures).toStrictEqual([]);
  });

  it('was told of each call by its stream, and of nothing by the stream of everybody', async () => {
    await until(
      'ten calls and nine ends',
      () => [ofType('YOUR_TURN').length, ofType('STEP_DONE_NEXT').length],
      ([calls, ends]) => calls === 10 && ends === 9,
    );
    for (const { event, data } of own) {
      expect(['connected', 'heartbeat', 'queue_update']).toContain(event);
      if (event !== 'queue_update') continue;
      expectReads(data, {
        type: 'text',
        message: 'text',
        messageEn: 'text',
        position: 'number',
        clinic: 'text',
      });
      expect(['YOUR_TURN', 'NEAR_TURN', 'START_HINT', 'STEP_DONE_NEXT']).toContain(data.type);
      expect(data.user).toBe(patient.user);
    }
    for (const { event } of everybody) expect(['connected', 'heartbeat']).toContain(event);
  });

  it('may send its stored requests once more after a reload, without harm', async () => {
    const [{ id, clinic } = NOWHERE] = stations;
    const before = await staff.line(clinic);
    const again = await patient.enter(id, true);
    expect(again.body).toMatchObject({ success: true, entry_status: 'ALREADY_IN_QUEUE', status: 'DONE' });
    expectSuccess(await patient.done(id, typed(await staff.pin(clinic))));
    expectSuccess(
      await patient.browser.post('/api/v1/route/create', {
        patientId: patient.user,
        examType: 'recruitment',
      }),
    );
    expectSuccess(await patient.browser.post('/api/v1/events/recovery', { source: 'page', retries: 4 }));
    const after = await staff.line(clinic);
    expect([after.total, after.completed]).toStrictEqual([before.total, before.completed]);
  });
});

describe('the other build of the page', () => {
  it('logs in at the server first, and uses the id that it gets', async () => {
    const patient = new PagePatient(new PageBrowser(target.url), '');
    const wrong = await patient.browser.post('/api/v1/patient/login', { patientId: 'abc', gender: 'male' });
    expect([wrong.status, wrong.body.success]).toStrictEqual([200, false]);
    const { body } = await patient.browser.post('/api/v1/patient/login', {
      patientId: '2٠0',
      gender: 'female',
    });
    expect(body.success).toBe(true);
    expectReads(body.data, { id: 'text', gender: 'text' });
    const known = new PagePatient(patient.browser, body.data.id);
    const none = await known.browser.get(`/api/v1/route/get?patientId=${known.user}`);
    expect([none.status, none.body.success, none.body.code]).toStrictEqual([200, false, 'ROUTE_NOT_FOUND']);
    expectSuccess(await known.enter('psy', false));
    known.watch('psy');
    await known.shows('a place', ({ display_number }) => display_number >= 1);
    await known.leave();
  });
});

describe('the page’s admin screens get every field they read', () => {
  const get = async (path: string) => {
    const answer = await admin.get(path);
    expect(answer.ok, path).toBe(true);
    return answer.body;
  };

  beforeAll(async () => {
    await staff.enter('lab', newId('waits'));
    await staff.enter('lab', newId('waits'));
  });

  it('admin/status', async () => {
    const body = await get('/api/v1/admin/status');
    expectReads(body, { success: 'boolean', queues: 'object' });
    expect(Object.keys(body.queues)).toStrictEqual([...CLINIC_IDS]);
    for (const queue of Object.values<Record<string, unknown>>(body.queues)) {
      expectReads(queue, { current: 'number?', waiting: 'number', list: 'list', pin: 'text' });
    }
    expect(body.queues.lab.list.length).toBeGreaterThanOrEqual(2);
  });

  it.each(['clinic1', 'lab', 'xr'])('queue/status of %s', async (clinic) => {
    const body = await get(`/api/v1/queue/status?clinic=${clinic}`);
    expectReads(body, { waiting: 'list', in: 'list', done: 'list', list: 'list', total_waiting: 'number' });
    expect(body.waiting).toHaveLength(body.total_waiting);
  });

  it('pin/status', async () => {
    const body = await get('/api/v1/pin/status');
    expectReads(body, { currentPin: 'text', totalIssued: 'number', dateKey: 'text', allPins: 'list' });
    for (const clinic of CLINIC_IDS) {
      expectReads(body.pins[clinic], { pin: 'text', active: 'boolean', generatedAt: 'text' });
    }
  });

  it('stats/dashboard', async () => {
    const body = await get('/api/v1/stats/dashboard');
    expectReads(body.stats, {
      totalWaiting: 'number',
      activeQueues: 'number',
      completedToday: 'number',
      avgWaitTime: 'number',
    });
    expectReads(body, {
      currentPatients: 'number',
      completedToday: 'number',
      avgWaitTime: 'number',
      throughputHour: 'number',
    });
  });

  it('stats/queues, as a bare list, for both cards', async () => {
    for (const rows of await Promise.all([get('/api/v1/stats/queues'), get('/api/v1/stats/queues')])) {
      expect(rows).toHaveLength(CLINIC_IDS.length);
      for (const row of rows) {
        expectReads(row, {
          id: 'text',
          name_ar: 'text',
          name_en: 'text',
          current_load: 'number',
          capacity: 'number',
          occupancy_percent: 'number',
        });
        expectReads(row, { clinic_name: 'text', status: 'text', eta_minutes: 'number' });
        expect(['string', 'number']).toContain(typeof row.reviewer_number);
      }
    }
  });

  it('reports/history, whatever code it sends', async () => {
    const body = await get('/api/v1/reports/history?adminCode=PUBLIC');
    expectReads(body, { reports: 'list' });
    for (const report of body.reports) expectReads(report, { name: 'text', size: 'text', date: 'text' });
  });

  it('the call, whose body it ignores', async () => {
    const { body } = await admin.post('/api/v1/queue/call', { clinic: 'clinic1' });
    expect(body.success).toBe(true);
    expectReads((await get('/api/v1/stats/dashboard')).stats, { totalWaiting: 'number' });
  });

  it('the QR sessions, which keep their status when they fail', async () => {
    const { ok, body } = await admin.post('/api/session/create', { patientId: pageId() });
    expect(ok).toBe(true);
    expectReads(body, { ok: 'boolean', token: 'text' });
    const phone = new PageBrowser(target.url);
    expect((await phone.post('/api/session/validate', { token: body.token })).body.ok).toBe(true);
    expect((await phone.post('/api/session/device', { token: body.token, device: 'iOS' })).ok).toBe(true);
    const again = await phone.post('/api/session/validate', { token: body.token });
    expect([again.status, again.body.error]).toStrictEqual([409, 'SESSION_ALREADY_USED']);
    const unknown = await phone.post('/api/session/validate', { token: newId('unknown') });
    expect([unknown.status, unknown.body.error]).toStrictEqual([404, 'SESSION_NOT_FOUND']);
    const { stats } = await get('/api/session/stats');
    expectReads(stats, {
      total: 'number',
      active: 'number',
      used: 'number',
      expired: 'number',
      byDevice: 'object',
    });
    expectReads(stats.byDevice, { iOS: 'number', Android: 'number', Desktop: 'number' });
  });

  it('the stream of staff', async () => {
    const frames = await admin.openStream('/api/v1/events/stream?clinic=admin');
    const updates = () => frames.filter(({ event }) => event === 'queue_update');
    const [first] = await until('the first state', updates, (seen) => seen.length > 0);
    const state = first?.data ?? {};
    expect(state.type).toBe('ADMIN_UPDATE');
    expectReads(state, { stats: 'object', queues: 'list' });
    for (const queue of state.queues as Record<string, unknown>[]) {
      expectReads(queue, {
        id: 'text',
        name: 'text',
        nameAr: 'text',
        current: 'number?',
        waiting: 'number',
        total: 'number',
        pin: 'text',
        avgTime: 'number',
        list: 'list',
      });
    }
    const count = updates().length;
    await staff.enter('eyes', newId('seen'));
    await until('the next state', updates, (seen) => seen.length > count);
    expect(frames.every(({ event }) => event !== 'message')).toBe(true);
  });
});
