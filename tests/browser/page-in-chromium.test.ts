/**
 * What the deployed page relies on, in the browser that it relies on: tags that the browser sends by itself, the kept
 * answer for a 304, redirects, a cookie that scripts do not see, named events. `page-session.test.ts` only imitates them.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasPrograms, requirePrograms } from '../../monitoring/programs.ts';
import { ERROR_TABLE } from '../contract/error-table.ts';
import { pageId, typed } from '../contract/page-patient.ts';
import { CLINIC_IDS, QueueClient } from '../contract/queue-client.ts';
import { ownPostgres, ownServer, type Target } from '../contract/target.ts';
import { until } from '../support/until.ts';
import { ChromiumPage } from './chromium-page.ts';

const HOLD_SECONDS = 2;

/** Milliseconds, for what takes a moment on a machine with nothing else to do. */
const PATIENCE = 30_000;

const TIMEOUT = 180_000;

const chromium = hasPrograms('chromium');
if (!chromium) console.warn('skipped: chromium is not installed');

describe.skipIf(!chromium && !process.env.CI)('the page in a real Chromium', { timeout: TIMEOUT }, () => {
  let target: Target;
  let staff: QueueClient;
  let page: ChromiumPage;
  let user: string;
  beforeAll(async () => {
    requirePrograms('chromium');
    // But for the hold, with the settings that a deployment has when nobody changes any.
    target = await ownServer('node', { LONG_POLL_SECONDS: String(HOLD_SECONDS) }, ownPostgres);
    staff = await QueueClient.open(target);
    page = await ChromiumPage.open(target.url);
  }, TIMEOUT);
  afterAll(async () => {
    await page?.close();
    await target?.close();
  });

  beforeEach(async () => {
    user = pageId();
    await page.load(`/page.html?user=${user}`);
  }, TIMEOUT);
  afterEach(async () => {
    expect(await page.console()).toStrictEqual([]);
  });

  /** The patient is the only one who waits. */
  async function entered(clinic: string): Promise<void> {
    await staff.drain(clinic);
    const { status, body } = await page.post('/api/v1/queue/enter', { clinic, user, isAutoEntry: true });
    expect([status, body.success, body.display_number]).toStrictEqual([200, true, 1]);
  }

  it('asks for the place once a hold while nothing changes, and shows the call within a second', async () => {
    await entered('lab');
    await page.watch('lab');
    const asked = () => page.wire(`/api/v1/queue/position?clinic=lab&user=${user}`);
    const conditional = () => asked().filter(({ headers }) => headers['if-none-match'] !== undefined);
    // Two holds that ended, and the third that began.
    const held = await until('two holds end', conditional, ({ length }) => length >= 3, PATIENCE);
    expect(held.slice(0, 2).map(({ status }) => status)).toStrictEqual([304, 304]);
    expect(asked().length - conditional().length).toBe(1);
    const [first, , third] = held.map(({ at }) => at);
    const seconds = (Number(third) - Number(first)) / 1000;
    expect(seconds).toBeGreaterThan(2 * HOLD_SECONDS * 0.9);

    const before = await until(
      'the kept answers',
      () => [...page.shown],
      ({ length }) => length >= 3,
      PATIENCE,
    );
    for (const { status, body } of before) {
      expect(status).toBe(200);
      // With the time at which the server made it: nothing but the kept answer itself.
      expect(body).toStrictEqual(before[0]?.body);
    }
    expect(before[0]).toMatchObject({ number: '1', body: { success: true, ahead: 0, total_waiting: 1 } });

    const calledAt = Date.now();
    expect((await staff.call('lab')).body.user).toBe(user);
    const after = await until(
      'the call is on the screen',
      () => page.shown.find(({ number }) => number !== '1'),
      (found) => found !== undefined,
      PATIENCE,
    );
    expect(after).toMatchObject({ status: 200, number: '0', body: { success: true, display_number: 0 } });
    const delay = Number(after?.at) - calledAt;
    console.log(
      `page in Chromium: ${held.length} requests for the place in ${seconds.toFixed(1)} s while nothing changed, ` +
        `each with the browser's tag; the call on the screen after ${delay} ms`,
    );
    expect(delay).toBeLessThan(1_000);
  });

  it('reads the Arabic text of a wrong PIN in a success:false, and leaves with the right PIN as typed', async () => {
    await entered('xr');
    const wrong = await page.post('/api/v1/queue/done', {
      clinic: 'xr',
      user,
      pin: typed(await staff.wrongPin()),
    });
    expect([wrong.ok, wrong.status, wrong.originalStatus]).toStrictEqual([true, 200, '403']);
    expect(wrong.body).toMatchObject({ success: false, error: ERROR_TABLE.WRONG_PIN.error });
    expect((await staff.line('xray')).list.map((entry) => entry.user)).toContain(user);

    const pin = typed(await staff.pin('xray'));
    const right = await page.post('/api/v1/queue/done', { clinic: 'xr', user, pin });
    expect([right.ok, right.status, right.originalStatus]).toStrictEqual([true, 200, null]);
    expect(right.body).toMatchObject({ success: true, duration_minutes: expect.any(Number) });
  });

  it('ends at /admin with the right password only, and calls with a cookie that no script sees', async () => {
    await page.load('/admin/login');
    const wrong = await page.submit('/admin/login', { username: target.admin.username, password: 'wrong' });
    expect([wrong.ok, wrong.url]).toStrictEqual([false, `${page.origin}/auth/denied`]);
    expect(page.wire('/admin/login').at(-1)).toMatchObject({ method: 'POST', status: 303 });

    const right = await page.submit('/admin/login', { ...target.admin });
    expect([right.ok, new URL(right.url).pathname]).toStrictEqual([true, '/admin/login']);
    expect(await page.cookie()).toBe('');

    const { body } = await page.get('/api/v1/admin/status');
    for (const clinic of CLINIC_IDS) expect(body.queues[clinic].pin).toMatch(/^[1-9][0-9]$/);
    await staff.drain('eyes');
    await staff.enter('eyes', user);
    const called = await page.post('/api/v1/queue/call', { clinic: 'eyes' });
    expect([called.status, called.originalStatus]).toStrictEqual([200, null]);
    expect(called.body).toMatchObject({ success: true, user });
    const sent = page.wire('/api/v1/queue/call').at(-1);
    expect(sent?.headers).toMatchObject({
      origin: page.origin,
      cookie: expect.stringMatching(/^admin_token=/),
    });
  });

  it('hears its call once by its stream, and no unnamed message by any', async () => {
    const ofStream = (stream: string) => page.heard.filter((frame) => frame.stream === stream);
    const updates = () => ofStream('own').filter(({ event }) => event === 'queue_update');
    const connected = () =>
      page.heard.filter(({ event }) => event === 'connected').map(({ stream }) => stream);
    await until('both streams', connected, ({ length }) => length === 2, PATIENCE);
    await staff.route(user, ['ecg', 'audio']);
    await entered('ecg');
    const told = (type: string) =>
      until(`${type} is heard`, updates, (seen) => seen.at(-1)?.data.type === type, PATIENCE);
    await told('NEAR_TURN');
    await staff.callUntil('ecg', user);
    await told('YOUR_TURN');
    await page.post('/api/v1/queue/done', { clinic: 'ecg', user, pin: await staff.pin('ecg') });
    // The last frame of the visit: a second YOUR_TURN would stand before it.
    await told('STEP_DONE_NEXT');

    expect(updates().map(({ data }) => data.type)).toStrictEqual([
      'NEAR_TURN',
      'YOUR_TURN',
      'STEP_DONE_NEXT',
    ]);
    expect(updates()[1]?.data).toMatchObject({
      message: '🔔 حان دورك الآن! توجه إلى العيادة',
      clinic: 'ecg',
      user,
      position: 0,
    });
    expect(connected().toSorted()).toStrictEqual(['everybody', 'own']);
    for (const { stream, event } of page.heard) {
      const named = ['connected', 'heartbeat', ...(stream === 'own' ? ['queue_update'] : [])];
      expect(named).toContain(event);
    }
  });

  it('gets the figures of all queues as a bare array', async () => {
    const { status, body } = await page.get('/api/v1/stats/queues');
    expect(status).toBe(200);
    expect(body.map(({ id }: { id: unknown }) => id)).toStrictEqual([...CLINIC_IDS]);
  });
});
