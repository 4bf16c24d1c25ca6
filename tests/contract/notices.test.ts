/** Section 2.9 of the contract: what happened to a patient within the last hour, and the page's word before it reloads. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectError, expectInvalid, ISO, newId } from './http.ts';
import { QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const notices = (query: string): Promise<Answer> => client.get(`/api/v1/notify/status?${query}`);

const TEXTS = {
  ENTERED: ['تم دخولك الطابور', 'You entered the queue'],
  CALLED: ['🔔 حان دورك الآن! توجه إلى العيادة', '🔔 Your turn now! Go to the clinic'],
  COMPLETED: ['✅ تم الانتهاء من الفحص', '✅ Examination completed'],
} as const;

function notice(type: keyof typeof TEXTS, clinic: string, number: number, position: number | null) {
  const [message, messageEn] = TEXTS[type];
  return { type, clinic, number, position, message, messageEn, timestamp: ISO };
}

describe('GET /api/v1/notify/status', () => {
  it('tells a whole visit in both languages, newest first, by session id and by number', async () => {
    const clinic = 'bones';
    const user = newId('notice');
    const { number, position } = await client.enter(clinic, user);
    const told = [notice('ENTERED', clinic, number, position)];
    const expectTold = async (query: string, pin: string | null) => {
      const { status, body } = await notices(query);
      expect(status).toBe(200);
      expect(body).toStrictEqual({
        success: true,
        pin,
        clinic,
        notifications: told,
        count: told.length,
        timestamp: ISO,
      });
    };

    await expectTold(`clinic=ortho&user=${user}`, null);
    await client.callUntil(clinic, user);
    told.unshift(notice('CALLED', clinic, number, null));
    await expectTold(`clinicId=BONES&patientId=${user}`, null);
    expect((await client.done(clinic, user, await client.pin(clinic))).status).toBe(200);
    told.unshift(notice('COMPLETED', clinic, number, null));
    await expectTold(`clinic=bones&user=${user}`, null);
    await expectTold(`clinic=bones&pin=${number}`, String(number));
    await expectTold(`clinic=bones&ticket=${number}`, String(number));
    await expectTold(`clinic=bones&user=${user}&pin=${number}`, String(number));
  });

  it('reads Arabic digits in the number', async () => {
    const { number } = await client.enter('audio', newId('notice'));
    const arabic = [...String(number)].map((digit) => String.fromCharCode(0x660 + Number(digit))).join('');
    const { body } = await notices(`clinic=audio&pin=${encodeURIComponent(arabic)}`);
    expect(body).toMatchObject({ pin: String(number), count: 1 });
  });

  it('tells of the asked clinic only', async () => {
    const user = newId('notice');
    await client.enter('ecg', user);
    await client.enter('eyes', user);
    const { body } = await notices(`clinic=eyes&user=${user}`);
    expect(body.notifications).toMatchObject([{ type: 'ENTERED', clinic: 'eyes' }]);
  });

  it('gives ten notices at most, or as many as asked for', async () => {
    const user = newId('notice');
    await client.enter('dental', user);
    await client.callUntil('dental', user);
    expect((await notices(`clinic=dental&user=${user}`)).body.count).toBe(2);
    const { body } = await notices(`clinic=dental&user=${user}&limit=1`);
    expect(body).toMatchObject({ count: 1, notifications: [{ type: 'CALLED' }] });
    expect((await notices(`clinic=dental&user=${user}&limit=50`)).status).toBe(200);
  });

  it.each(['user=nobody-here', 'pin=999999', 'pin=0', 'pin=007777'])('knows nothing of %s', async (whose) => {
    const { status, body } = await notices(`clinic=derma&${whose}`);
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      pin: whose.startsWith('pin=') ? whose.slice(4) : null,
      clinic: 'derma',
      notifications: [],
      count: 0,
      timestamp: ISO,
    });
  });

  it('shows nobody the session id behind a number', async () => {
    const user = newId('notice');
    const { number } = await client.enter('surgery', user);
    const { text } = await notices(`clinic=surgery&pin=${number}`);
    expect(text).not.toContain(user);
  });

  it.each([
    ['', ['clinic', 'user']],
    ['limit=5', ['clinic', 'user']],
    ['clinic=lab', ['user']],
    ['clinic=lab&user=%20&pin=', ['user']],
    ['user=x', ['clinic']],
    ['pin=1', ['clinic']],
  ])('says what is missing in "%s"', async (query, names) => {
    expectError(await notices(query), 'MISSING_FIELDS', {
      error: 'Missing pin or clinic parameter',
      missing_fields: names,
    });
  });

  it.each([
    ['clinic=lab&user=a%20b', 'user'],
    ['clinic=lab&pin=x', 'pin'],
    ['clinic=lab&pin=-1', 'pin'],
    ['clinic=lab&pin=1.5', 'pin'],
    ['clinic=lab&pin=1234567890', 'pin'],
    ['clinic=lab&user=x&limit=0', 'limit'],
    ['clinic=lab&user=x&limit=51', 'limit'],
    ['clinic=lab&user=x&limit=ten', 'limit'],
  ])('refuses %s', async (query, field) => {
    expectInvalid(await notices(query), field);
  });

  it.each(['nowhere', '3', '%00'])('does not know the clinic %s', async (clinic) => {
    expectError(await notices(`clinic=${clinic}&user=x`), 'UNKNOWN_CLINIC');
  });
});

describe('POST /api/v1/events/recovery', () => {
  it.each([
    ['nothing', {}],
    ['what the page sends', { source: 'sse', retries: 4, timestamp: '2025-10-29T12:00:00.000Z' }],
    ['long texts', { source: 'x'.repeat(5000), retries: '4', timestamp: 'y'.repeat(5000) }],
    ['wrong types', { source: { any: 'thing' }, retries: -1, timestamp: 17 }],
    ['what no database can keep', { retries: 'many', source: '\u0000\ud800', more: [1, 2, 3] }],
  ])('takes %s', async (_, json) => {
    const { status, body } = await client.post('/api/v1/events/recovery', json);
    expect(status).toBe(200);
    expect(body).toStrictEqual({ success: true });
  });

  it('asks no database', async () => {
    const { headers } = await client.post('/api/v1/events/recovery', { source: 'sse' });
    expect(headers.get('server-timing')).toMatch(/^db;dur=0(\.0+)?,/);
  });
});
