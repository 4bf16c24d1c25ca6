import { describe, expect, it } from 'vitest';
import { BREAKER_CONFIGS, CircuitBreaker } from './circuit-breaker.ts';
import { readConfig } from './config.ts';
import { DatabaseError } from './database.ts';
import { DomainError } from './errors.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';
import { createServices } from './services.ts';
import { Timing } from './timing.ts';
import type { LineVersion } from './wake-up.ts';

const DAY = '2025-10-29';
const STATE = { ok: true, timezone: 'Asia/Qatar', service_day_start: '00:00', schema_version: '0' };

/** A context whose database answers this, and what happened to its parts. */
function contextOver(answer: unknown, state: unknown = STATE, simulated = false) {
  const calls: { name: string; args: object }[] = [];
  const woken: LineVersion[] = [];
  const config = readConfig({
    DATABASE_URL: 'postgresql://u:p@127.0.0.1:1/none',
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
  });
  const services = createServices('node', config, {
    clock: { now: () => new Date(`${DAY}T12:00:00.000Z`), simulated },
    database: {
      breaker: new CircuitBreaker(BREAKER_CONFIGS.database),
      async call(name, args) {
        calls.push({ name, args });
        const given = name === 'service_state' ? state : answer;
        if (given instanceof Error) throw given;
        return given;
      },
    },
  });
  const ctx: RequestContext = {
    ...services,
    ...services.waiting(),
    wakeUps: { ...services.waiting().wakeUps, changed: (line) => woken.push(line) },
    requestId: 'r',
    timing: new Timing(),
    admin: undefined,
    foreignOrigin: false,
    clientIp: '127.0.0.1',
    admitted: Promise.resolve(),
    signal: new AbortController().signal,
    waitUntil: () => undefined,
  };
  return { ctx, calls, woken };
}

const caught = (pending: Promise<unknown>) => pending.catch((error: unknown) => error);

describe('a call of a SQL function', () => {
  it('gives back what it returned, after asking once what the database is', async () => {
    const answer = { ok: true, number: 7 };
    const { ctx, calls } = contextOver(answer);
    expect(await callFunction(ctx, 'queue_position', { day: DAY, user: 'u' })).toBe(answer);
    await callFunction(ctx, 'queue_position', { day: DAY, user: 'v' });
    expect(calls).toEqual([
      { name: 'service_state', args: {} },
      { name: 'queue_position', args: { day: DAY, user: 'u' } },
      { name: 'queue_position', args: { day: DAY, user: 'v' } },
    ]);
  });

  it('hands the time to the database only when it is not the real one', async () => {
    const { ctx, calls } = contextOver({ ok: true }, STATE, true);
    await callFunction(ctx, 'queue_status', { day: DAY });
    expect(calls.at(-1)?.args).toEqual({ day: DAY, now: `${DAY}T12:00:00.000Z` });
  });

  it('wakes whoever waits for a line that it changed, whichever way the function names it', async () => {
    const { ctx, woken } = contextOver({
      ok: true,
      clinic: 'lab',
      version: 4,
      next_entry: { clinic: 'xray', version: 9 },
      versions: { ecg: 2, eyes: 3 },
    });
    await callFunction(ctx, 'complete_patient_service', { day: DAY });
    expect(woken).toEqual([
      { day: DAY, clinic: 'lab', version: 4 },
      { day: DAY, clinic: 'xray', version: 9 },
      { day: DAY, clinic: 'ecg', version: 2 },
      { day: DAY, clinic: 'eyes', version: 3 },
    ]);
  });

  it('wakes also after a refusal that names a version, and never after a read', async () => {
    const refused = contextOver({ ok: false, code: 'NO_PATIENTS_WAITING', clinic: 'lab', version: 4 });
    await caught(callFunction(refused.ctx, 'call_next_patient', { day: DAY }));
    expect(refused.woken).toEqual([{ day: DAY, clinic: 'lab', version: 4 }]);
    const read = contextOver({ ok: true, clinic: 'lab', version: 4 });
    await callFunction(read.ctx, 'queue_status', { day: DAY });
    expect(read.woken).toEqual([]);
  });

  it('throws a refusal as the error of its code, with what the caller may see of it', async () => {
    const { ctx } = contextOver({
      ok: false,
      code: 'PIN_LOCKED',
      clinic: 'lab',
      retry_after: 17,
      limit: 5,
      remaining: 0,
      reset: 1_761_739_217,
      version: 4,
      secret: 'kept inside',
    });
    const error = await caught(callFunction(ctx, 'complete_patient_service', { day: DAY }));
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toMatchObject({
      code: 'PIN_LOCKED',
      details: {
        clinic: 'lab',
        retryAfter: 17,
        headers: {
          'X-RateLimit-Limit': '5',
          'X-RateLimit-Remaining': '0',
          'X-RateLimit-Reset': '1761739217',
        },
      },
    });
    expect(JSON.stringify(error)).not.toContain('kept inside');
  });

  it('names the field that the database refused', async () => {
    const { ctx } = contextOver({ ok: false, code: 'INVALID_FIELD', field: 'stations' });
    expect(await caught(callFunction(ctx, 'create_route', { day: DAY }))).toMatchObject({
      code: 'INVALID_FIELD',
      details: { field: 'stations', error: 'Invalid value for stations' },
    });
  });

  it('does not let a code through that is none of the contract’s', async () => {
    const { ctx } = contextOver({ ok: false, code: 'SOMETHING_ELSE' });
    const error = await caught(callFunction(ctx, 'create_route', { day: DAY }));
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(DomainError);
  });
});

describe('the compiler', () => {
  it('lets nobody write past it, and no write of a line be without its day', async () => {
    const { ctx, calls } = contextOver({ ok: true });
    // @ts-expect-error: the database of a context is for reads.
    await ctx.database.call('enter_queue', { day: DAY });
    // @ts-expect-error: also for what touches no line.
    await ctx.database.call('save_settings', {});
    // @ts-expect-error: whose day?
    await callFunction(ctx, 'enter_queue', { clinic: 'lab' });
    // @ts-expect-error: nor one that may be absent.
    await callFunction(ctx, 'make_daily_pins', { day: calls.at(99)?.name });
    await callFunction(ctx, 'save_settings', {});
    await callFunction(ctx, 'enter_queue', { day: DAY });
    expect(calls).toHaveLength(7);
  });
});

describe('a database that does not agree', () => {
  it.each([
    ['TIMEZONE', { ...STATE, timezone: 'Europe/Berlin' }],
    ['TIMEZONE', { ...STATE, timezone: null }],
    ['SERVICE_DAY_START', { ...STATE, service_day_start: '05:00' }],
  ])('on %s is not used', async (name, state) => {
    const { ctx, calls } = contextOver({ ok: true }, state);
    expect(await caught(callFunction(ctx, 'queue_status', { day: DAY }))).toMatchObject({
      code: 'BAD_ENVIRONMENT',
      message: `The setting ${name} does not agree with the database`,
    });
    expect(calls.map((call) => call.name)).toEqual(['service_state']);
  });

  it('because it has no schema is unavailable; with another error that error shows', async () => {
    const empty = contextOver({ ok: true }, new DatabaseError('42883'));
    expect(await caught(callFunction(empty.ctx, 'queue_status', { day: DAY }))).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      details: { retryAfter: expect.any(Number) },
    });
    const denied = new DatabaseError('42501');
    expect(await caught(callFunction(contextOver({}, denied).ctx, 'queue_status', { day: DAY }))).toBe(
      denied,
    );
  });

  it('is asked again by the next request, until it does', async () => {
    const { ctx, calls } = contextOver({ ok: true }, { ...STATE, timezone: 'UTC' });
    await caught(callFunction(ctx, 'queue_status', { day: DAY }));
    await caught(callFunction(ctx, 'queue_status', { day: DAY }));
    expect(calls.map(({ name }) => name)).toEqual(['service_state', 'service_state']);
  });
});

describe('today', () => {
  it('is the service day of the request’s clock', () => {
    expect(today(contextOver({}).ctx)).toEqual({ day: DAY, end: `${DAY}T21:00:00.000Z` });
  });
});
