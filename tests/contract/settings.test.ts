/** Section 2.3 of the contract: what staff can set, who may see it, and what is refused. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectError, expectInvalid, ISO, type RequestOptions, request } from './http.ts';
import { QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

const PATH = '/api/admin/settings';

const DEFAULTS = {
  grace_minutes: 5,
  max_capacity_per_clinic: 6,
  enable_auto_routing: true,
  enable_notifications: true,
  working_hours_start: '00:00',
  working_hours_end: '24:00',
  emergency_pin: null,
  current_theme: 'medical-professional',
  enable_theme_selector: true,
  show_theme_preview: true,
  admission_cadence_minutes: 1,
} as const;

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
  await client.post(PATH, { settings: DEFAULTS }, { token: client.token });
}, TURN_TIMEOUT);
afterEach(async () => {
  const { status, text } = await client.post(PATH, { settings: DEFAULTS }, { token: client.token });
  expect(status, text).toBe(200);
});
afterAll(() => target?.close());

const send = (method: string, options: RequestOptions = {}, query = ''): Promise<Answer> =>
  request(target.url, method, PATH + query, options);
const post = (json: unknown, token: string | undefined = client.token) => send('POST', { json, token });
const put = (json: unknown, token: string | undefined = client.token) => send('PUT', { json, token });

type Described = Record<string, { readonly value: string | null; readonly description: string }>;

/** Every setting as text, as `all` shows it to an admin. */
async function values(): Promise<Record<string, string | null>> {
  const { status, body } = await send('GET', { token: client.token });
  expect(status).toBe(200);
  return Object.fromEntries(Object.entries(body.data as Described).map(([key, { value }]) => [key, value]));
}

const asText = (settings: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, value === null ? null : String(value)]),
  );

describe('GET /api/admin/settings', () => {
  const theme = { currentTheme: 'medical-professional', enableThemeSelector: true, showThemePreview: true };
  const system = {
    graceMinutes: 5,
    cadenceMinutes: 1,
    maxCapacity: 6,
    autoRouting: true,
    notifications: true,
    workingHours: { start: '00:00', end: '24:00' },
  };
  const described = (settings: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(asText(settings)).map(([key, value]) => [
        key,
        { value, description: expect.any(String) },
      ]),
    );
  const { emergency_pin: _, ...publicDefaults } = DEFAULTS;

  it.each([
    ['', 'all', described(publicDefaults), described(DEFAULTS)],
    ['?type=', 'all', described(publicDefaults), described(DEFAULTS)],
    ['?type=all', 'all', described(publicDefaults), described(DEFAULTS)],
    ['?type=system', 'system', system, { ...system, emergencyPin: null }],
    ['?type=theme', 'theme', theme, theme],
  ])('shows the defaults: %s', async (query, type, forAnybody, forAdmin) => {
    for (const [options, data] of [
      [{}, forAnybody],
      [{ token: 'bad' }, forAnybody],
      [{ token: client.token }, forAdmin],
    ] as const) {
      const { status, body } = await send('GET', options, query);
      expect(status).toBe(200);
      expect(body).toStrictEqual({ success: true, type, data, timestamp: ISO });
    }
  });

  it.each(['?type=other', '?type=ALL', '?type=all,system', '?type=__proto__'])(
    'refuses other types: %s',
    async (query) => {
      expectInvalid(await send('GET', {}, query), 'type');
    },
  );

  it('shows the emergency PIN to admins only', async () => {
    await put({ key: 'emergency_pin', value: '918273' });
    for (const type of ['all', 'system', 'theme']) {
      expect((await send('GET', {}, `?type=${type}`)).text).not.toContain('918273');
    }
    const { body } = await send('GET', { token: client.token }, '?type=system');
    expect(body.data).toMatchObject({ emergencyPin: '918273' });
    expect((await values()).emergency_pin).toBe('918273');
  });
});

describe('POST /api/admin/settings', () => {
  it.each([
    [{ grace_minutes: 10 }, { grace_minutes: 10 }],
    [{ graceMinutes: '120' }, { grace_minutes: 120 }],
    [
      { maxCapacity: 1, cadenceMinutes: 60 },
      { max_capacity_per_clinic: 1, admission_cadence_minutes: 60 },
    ],
    [{ maxCapacityPerClinic: 100 }, { max_capacity_per_clinic: 100 }],
    [
      { autoRouting: false, notifications: 'false' },
      { enable_auto_routing: false, enable_notifications: false },
    ],
    [
      { workingHours: { start: '07:00', end: '14:30' } },
      { working_hours_start: '07:00', working_hours_end: '14:30' },
    ],
    [{ workingHours: { end: '13:00' } }, { working_hours_end: '13:00' }],
    [{ working_hours_start: ' 06:15 ' }, { working_hours_start: '06:15' }],
    [{ emergencyPin: 1234567890 }, { emergency_pin: '1234567890' }],
    [{ emergency_pin: '٠٩٨٧٦٥' }, { emergency_pin: '098765' }],
    [{ emergency_pin: '' }, { emergency_pin: null }],
    [
      { currentTheme: 'ليل', enableThemeSelector: false },
      { current_theme: 'ليل', enable_theme_selector: false },
    ],
    [{ showThemePreview: false }, { show_theme_preview: false }],
    [{ grace_minutes: 7, graceMinutes: 8 }, { grace_minutes: 7 }],
    [{ graceMinutes: 8, grace_minutes: 7 }, { grace_minutes: 7 }],
    [{}, {}],
  ])('takes every name: %j', async (settings, changed) => {
    const { status, body } = await post({ settings });
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      type: 'system',
      message: 'تم تحديث الإعدادات بنجاح',
      updatedSettings: Object.keys(settings),
      timestamp: ISO,
    });
    expect(await values()).toEqual({ ...asText(DEFAULTS), ...asText(changed) });
  });

  it('answers the type that was sent', async () => {
    expect((await post({ type: 'theme', settings: { currentTheme: 'dark' } })).body.type).toBe('theme');
    expectInvalid(await post({ type: 'all', settings: {} }), 'type');
  });

  it.each([
    [{ grace_minutes: 0 }, 'grace_minutes'],
    [{ grace_minutes: 121 }, 'grace_minutes'],
    [{ graceMinutes: 5.5 }, 'grace_minutes'],
    [{ grace_minutes: null }, 'grace_minutes'],
    [{ grace_minutes: true }, 'grace_minutes'],
    [{ grace_minutes: [5] }, 'grace_minutes'],
    [{ grace_minutes: 1e300 }, 'grace_minutes'],
    [{ max_capacity_per_clinic: 101 }, 'max_capacity_per_clinic'],
    [{ admission_cadence_minutes: 61 }, 'admission_cadence_minutes'],
    [{ autoRouting: 1 }, 'enable_auto_routing'],
    [{ notifications: 'yes' }, 'enable_notifications'],
    [{ working_hours_start: '7:00' }, 'working_hours_start'],
    [{ working_hours_end: '24:01' }, 'working_hours_end'],
    [{ workingHours: { start: '25:00' } }, 'working_hours_start'],
    [{ workingHours: {} }, 'workingHours'],
    [{ workingHours: '07:00' }, 'workingHours'],
    [{ emergency_pin: '12345' }, 'emergency_pin'],
    [{ emergency_pin: '12345678901' }, 'emergency_pin'],
    [{ emergency_pin: '12345a' }, 'emergency_pin'],
    [{ current_theme: '' }, 'current_theme'],
    [{ current_theme: 'x'.repeat(65) }, 'current_theme'],
    [{ current_theme: 'a\0b' }, 'current_theme'],
    [{ current_theme: '\ud800' }, 'current_theme'],
    [{ current_theme: null }, 'current_theme'],
    [{ timezone: 'UTC' }, 'settings'],
    [{ service_day_start: '01:00' }, 'settings'],
    [{ constructor: 1 }, 'settings'],
    [{ unknown: 1 }, 'settings'],
  ])('refuses all when one is refused: %j', async (bad, field) => {
    expectInvalid(
      await post({ settings: { max_capacity_per_clinic: 50, show_theme_preview: false, ...bad } }),
      field,
    );
    expect(await values()).toEqual(asText(DEFAULTS));
  });

  it('needs an object of settings', async () => {
    const missing = { error: 'Settings object is required', missing_fields: ['settings'] };
    for (const json of [{}, { type: 'theme' }, { settings: null }, { settings: [] }]) {
      expectError(await post(json), 'MISSING_FIELDS', missing);
    }
    for (const settings of ['text', 5, true, ['a']]) expectInvalid(await post({ settings }), 'settings');
    const raw = '{"settings":{"__proto__":{"grace_minutes":9}}}';
    const headers = { 'Content-Type': 'application/json' };
    expectInvalid(await send('POST', { raw, headers, token: client.token }), 'settings');
  });

  it('is for admins', async () => {
    for (const token of ['bad', '']) {
      expectError(await post({ settings: { grace_minutes: 9 } }, token), 'UNAUTHORIZED');
      expectError(await put({ key: 'grace_minutes', value: 9 }, token), 'UNAUTHORIZED');
    }
    expect(await values()).toEqual(asText(DEFAULTS));
  });
});

describe('PUT /api/admin/settings', () => {
  it.each([
    ['grace_minutes', 30, { grace_minutes: 30 }],
    ['graceMinutes', '30', { grace_minutes: 30 }],
    ['enable_auto_routing', false, { enable_auto_routing: false }],
    ['emergency_pin', '246810', { emergency_pin: '246810' }],
    ['emergencyPin', null, { emergency_pin: null }],
    [
      'workingHours',
      { start: '08:00', end: '12:00' },
      { working_hours_start: '08:00', working_hours_end: '12:00' },
    ],
  ])('saves one: %s %j', async (key, value, changed) => {
    const { status, body } = await put({ key, value });
    expect(status).toBe(200);
    expect(body).toStrictEqual({ success: true, key, value, message: expect.any(String), timestamp: ISO });
    expect(await values()).toEqual({ ...asText(DEFAULTS), ...asText(changed) });
  });

  it.each([
    ['grace_minutes', 0, 'grace_minutes'],
    ['grace_minutes', null, 'grace_minutes'],
    ['enable_notifications', 0, 'enable_notifications'],
    ['emergency_pin', false, 'emergency_pin'],
    ['unknown', 1, 'key'],
    ['timezone', 'UTC', 'key'],
    ['__proto__', 1, 'key'],
  ])('refuses what is no value or no key: %s %j', async (key, value, field) => {
    expectInvalid(await put({ key, value }), field);
    expect(await values()).toEqual(asText(DEFAULTS));
  });

  it.each([
    [{}, ['key', 'value']],
    [{ key: 'grace_minutes' }, ['value']],
    [{ key: 'grace_minutes', value: ' ' }, ['value']],
    [{ key: '', value: false }, ['key']],
    [{ value: 0 }, ['key']],
    [{ value: null }, ['key']],
  ])('needs both: %j', async (json, missing) => {
    expectError(await put(json), 'MISSING_FIELDS', {
      error: 'Key and value are required',
      missing_fields: missing,
    });
  });
});
