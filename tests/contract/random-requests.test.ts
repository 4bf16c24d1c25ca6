/**
 * Random requests to every route: right ones never fail with a 5xx and are answered as the API's description says,
 * wrong ones always get a 4xx of the closed set. TEST_SEED runs the same requests again.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorsOf, SHAPES } from '../../src/lib/api-description.ts';
import { openApiDocument } from '../../src/lib/openapi.ts';
import { schemaOf } from '../../src/lib/shape-notation.ts';
import { testSeed } from '../support/sql-random.ts';
import { report, tally } from '../support/sql-report.ts';
import { until } from '../support/until.ts';
import { mismatches, type Schemas } from './answer-shape.ts';
import { askAnyRoute } from './any-route.ts';
import { ERROR_TABLE, type ErrorCode } from './error-table.ts';
import { type Answer, newId } from './http.ts';
import { QueueClient } from './queue-client.ts';
import {
  ENDPOINTS,
  eachWrongShape,
  invalidCases,
  type RandomCase,
  routesWithoutForms,
  validCases,
  type World,
} from './random-cases.ts';
import { openFreshTarget, repetitions, type Target, TURN_TIMEOUT } from './target.ts';

const FULL = 2_600;
const VALID = repetitions(FULL);
const INVALID = repetitions(FULL);

/** Logins and the exit from a route need luck for a success; more routes do with fewer repetitions. */
const UNLUCKY = VALID < FULL ? 24 : 10;
/** Half a minute on an idle machine. */
const TIMEOUT = 5 * 60_000;
const AT_ONCE = 8;
const TOKENS = 40;

const seed = testSeed();
const SCHEMAS = openApiDocument().components.schemas as Schemas;

let target: Target;
let staff: QueueClient;
let world: World;
beforeAll(async () => {
  target = await openFreshTarget();
  staff = await QueueClient.open(target);
  const tokens = await Promise.all(Array.from({ length: TOKENS }, newQrToken));
  world = { seed, tokens, pins: (await staff.pins()).allPins };
}, TURN_TIMEOUT);
afterAll(() => target?.close());

async function newQrToken(): Promise<string> {
  const json = { patientId: newId('random') };
  const { body } = await staff.post('/api/session/create', json, { token: staff.token });
  return String(body.token);
}

async function fire({
  endpoint,
  method,
  path,
  values,
  raw,
  contentType,
  admitted,
}: RandomCase): Promise<Answer> {
  const secret = endpoint.auth === 'metrics' ? target.metricsToken : staff.token;
  const headers = {
    ...(admitted && { Authorization: `Bearer ${secret}` }),
    ...(contentType !== undefined && { 'Content-Type': contentType }),
  };
  if (method === 'GET') return askAnyRoute(target.url, method, path, { headers, query: queryOf(values) });
  return askAnyRoute(target.url, method, path, { headers, raw: raw ?? JSON.stringify(values) });
}

const CHECKS = /^(?:\/api)?(?:\/v1)?\/(?:health(?:\/(?:ready|status))?|status)$/;

/** A check gives the database one second, which a machine that runs other tests may not have: it is asked again, alone. */
async function unhurried(one: RandomCase, answer: Answer | undefined): Promise<Answer> {
  if (!answer) throw new Error('no answer');
  if (answer.status !== 503 || !CHECKS.test(one.path)) return answer;
  return until(
    `${one.path} is well`,
    () => fire(one),
    ({ status }) => status !== 503,
  );
}

/** A query holds texts only. */
function queryOf(values: RandomCase['values']): URLSearchParams {
  const texts = Object.entries(values).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
  return new URLSearchParams(texts.map(([name, value]) => [name, String(value)]));
}

const told = ({ method, path, values, raw, wrong }: RandomCase, { status, text }: Answer) =>
  `${method} ${path} ${raw?.slice(0, 80) ?? JSON.stringify(values)}${wrong ? ` (${wrong})` : ''}: ${status} ${text.slice(0, 300)}`;

/** Fails unless this is a refusal of the contract; gives its code. */
function codeOf(answer: Answer, what: string): ErrorCode {
  const code = answer.body.code as ErrorCode;
  expect(Object.keys(ERROR_TABLE), what).toContain(code);
  expect(answer.status, what).toBe(ERROR_TABLE[code].status);
  expect(answer.status, what).toBeGreaterThanOrEqual(400);
  expect(answer.status, what).toBeLessThan(500);
  expect(mismatches(schemaOf('ERROR', SHAPES), answer.body, SCHEMAS), what).toEqual([]);
  return code;
}

const OF_FIELDS = new Set<ErrorCode>(['MISSING_FIELDS', 'INVALID_FIELD', 'PIN_REQUIRED', 'UNKNOWN_CLINIC']);
const OF_CALLERS = new Set<ErrorCode>(['UNAUTHORIZED', 'FORBIDDEN']);

/** What may stand against a right request: the state of things, or who asks. */
function statesOf({ endpoint, admitted }: RandomCase): readonly ErrorCode[] {
  if (!admitted && endpoint.auth !== 'public') return ['UNAUTHORIZED'];
  return errorsOf(endpoint).filter((code) => !OF_FIELDS.has(code) && !OF_CALLERS.has(code));
}

function judgeValid(one: RandomCase, answer: Answer): string {
  const what = told(one, answer);
  const { answer: shape, status = 200, types = [] } = one.endpoint;
  if (answer.status !== status) {
    const code = codeOf(answer, what);
    expect(statesOf(one), what).toContain(code);
    return code;
  }
  expect(one.admitted || one.endpoint.auth === 'public', what).toBe(true);
  const type = answer.headers.get('content-type') ?? '';
  expect([...(shape ? ['application/json; charset=utf-8'] : []), ...types], what).toContain(type);
  if (shape && type.startsWith('application/json')) {
    expect(mismatches(schemaOf(shape, SHAPES), answer.body, SCHEMAS), what).toEqual([]);
  }
  return 'OK';
}

/** Runs each route once and what else is `given`, then any routes in groups that are on their way together. */
async function runAll(
  casesOf: typeof validCases,
  count: number,
  judge: (one: RandomCase, answer: Answer) => string,
  given: fc.Arbitrary<RandomCase[]> = fc.constant([]),
): Promise<{ routes: Set<string>; succeeded: Set<string>; outcomes: string[] }> {
  const outcomes: string[] = [];
  const routes = new Set<string>();
  const succeeded = new Set<string>();
  const each = fc.tuple(...ENDPOINTS.map((endpoint) => casesOf(world, [endpoint])));
  const group = fc.array(casesOf(world), { minLength: AT_ONCE, maxLength: AT_ONCE });
  const run = (arbitrary: fc.Arbitrary<RandomCase[]>, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(arbitrary, async (together) => {
        const answers = await Promise.all(together.map(fire));
        for (const [index, one] of together.entries()) {
          const answer = await unhurried(one, answers[index]);
          const outcome = judge(one, answer);
          const route = `${one.endpoint.method} ${one.endpoint.path}`;
          outcomes.push(outcome);
          routes.add(route);
          if (outcome === 'OK') succeeded.add(route);
        }
      }),
      // What the server holds has changed meanwhile, so a smaller example would be another one.
      { seed: seed | 0, numRuns, endOnFailure: true },
    );
  await run(each, 1);
  await run(given, 1);
  await run(group, Math.ceil(count / AT_ONCE));
  return { routes, succeeded, outcomes };
}

const everyRoute = new Set(ENDPOINTS.map(({ method, path }) => `${method} ${path}`));

describe('random requests', () => {
  it('are made for the fields of every route', () => {
    expect(routesWithoutForms()).toEqual([]);
  });

  it(
    'that are right never fail with a 5xx, and are answered as described',
    async () => {
      const { routes, succeeded, outcomes } = await runAll(validCases, VALID, judgeValid);
      report(
        `valid requests to ${routes.size} routes, ${succeeded.size} with a success: ${JSON.stringify(tally(outcomes))}`,
        outcomes.length,
        seed,
      );
      expect(routes).toEqual(everyRoute);
      expect(tally(outcomes).OK).toBeGreaterThan(outcomes.length / 2);
      expect(succeeded.size).toBeGreaterThan(everyRoute.size - UNLUCKY);
    },
    TIMEOUT,
  );

  it(
    'that are wrong always get a 4xx with a code of the closed set',
    async () => {
      const { routes, outcomes } = await runAll(
        invalidCases,
        INVALID,
        (one, answer) => codeOf(answer, told(one, answer)),
        eachWrongShape(),
      );
      report(
        `invalid requests to ${routes.size} routes: ${JSON.stringify(tally(outcomes))}`,
        outcomes.length,
        seed,
      );
      expect(routes).toEqual(everyRoute);
      for (const code of [
        'MISSING_FIELDS',
        'INVALID_FIELD',
        'UNKNOWN_CLINIC',
        'MALFORMED_BODY',
        'METHOD_NOT_ALLOWED',
      ]) {
        // A share of few requests is chance; that there is one of each shape is not.
        const least = INVALID < FULL ? 0 : outcomes.length / 100;
        expect(tally(outcomes)[code] ?? 0, code).toBeGreaterThan(least);
      }
    },
    TIMEOUT,
  );
});
