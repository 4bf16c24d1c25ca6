/** QR tokens: used exactly once, however many try, and never after their end. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { atOnce, report, tally } from '../support/sql-report.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

const DAY = '2033-01-01';
const create = (token: string, now: string) =>
  db.call('create_qr_session', { token, user: 'somebody', day: DAY, minutes: 60, now });
const use = (token: string, now: string) => db.call('use_qr_session', { token, now });

it('lets exactly one of 50 callers have each of 20 tokens', async () => {
  const now = '2033-01-01T08:00:00Z';
  for (let i = 0; i < 20; i += 1) {
    await create(`token-${i}`, now);
    const answers = await atOnce(50, () => use(`token-${i}`, now));
    expect(tally(answers.map(({ code }) => code ?? 'used'))).toEqual({ used: 1, SESSION_ALREADY_USED: 49 });
  }
  report('20 tokens, each tried by 50 callers at once, each used exactly once', 20 * 50);
});

it('takes a token to the last moment of its hour, and not a moment later', async () => {
  for (const token of ['early', 'late', 'used']) {
    expect(await create(token, '2033-01-01T10:00:00Z')).toMatchObject({
      expires_at: '2033-01-01T11:00:00.000Z',
    });
  }
  expect((await use('early', '2033-01-01T10:59:59.999Z')).ok).toBe(true);
  expect((await use('late', '2033-01-01T11:00:00Z')).code).toBe('SESSION_EXPIRED');
  // Late tries leave it as it is, and a device is noted for it all the same.
  expect((await use('late', '2033-01-01T12:00:00Z')).code).toBe('SESSION_EXPIRED');
  expect((await db.call('set_qr_session_device', { token: 'late', device: 'iOS' })).ok).toBe(true);
  // Used stays used, also after the end.
  await use('used', '2033-01-01T10:30:00Z');
  expect((await use('used', '2033-01-01T12:00:00Z')).code).toBe('SESSION_ALREADY_USED');
});

it('counts each token in one state, those of this service day only', async () => {
  await db.rows(`delete from qr_sessions`);
  for (const token of ['a', 'b', 'c', 'd']) await create(token, '2033-01-01T10:00:00Z');
  await use('a', '2033-01-01T10:01:00Z');
  await db.call('set_qr_session_device', { token: 'a', device: 'Android' });
  const stats = (now: string, day = DAY) => db.call('qr_session_stats', { day, now });
  const counts = { ok: true, total: 4, used: 1, ios: 0, android: 1, desktop: 0 };
  expect(await stats('2033-01-01T10:59:00Z')).toEqual({ ...counts, active: 3, expired: 0 });
  expect(await stats('2033-01-01T11:00:00Z')).toEqual({ ...counts, active: 0, expired: 3 });
  expect(await stats('2033-01-01T10:59:00Z', '2033-01-02')).toMatchObject({ total: 0, android: 0 });
});
