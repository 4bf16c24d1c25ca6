/**
 * Every route of the contract's index and of the application, asked by everybody who can ask: only whom the index
 * names gets in, and those who are refused change nothing and see nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atMost } from '../support/at-most.ts';
import { report } from '../support/sql-report.ts';
import { askAnyRoute } from './any-route.ts';
import { adminCallers, type Caller, login, machineCallers, openCallers } from './callers.ts';
import { type Answer, expectError, newId, request } from './http.ts';
import { INDEX, type IndexRow, servedRoutes } from './index-of-endpoints.ts';
import { leaksInText, leaksInValue, type Secrets } from './leaks.ts';
import { CLINIC_IDS, QueueClient } from './queue-client.ts';
import { openTarget, repetitions, type Target, TURN_TIMEOUT } from './target.ts';
import { validValues } from './valid-requests.ts';

const LOGOUT = '/admin/logout';
const AT_ONCE = 8;
/** Of so many combinations one is tried, where another runtime tries all (CONTRACT_SHARE): no route and no caller less. */
const STEP = Math.round(10 / repetitions(10));
/** Seconds on an idle machine. */
const TIMEOUT = 5 * 60_000;

const served = servedRoutes();

/** HEAD is admitted wherever GET is. */
const ROUTES: readonly IndexRow[] = INDEX.flatMap((row) =>
  row.method === 'GET' ? [row, { ...row, method: 'HEAD' }] : [row],
);

const UNKNOWN = ['GET', 'POST', 'PUT', 'DELETE'].flatMap((method) =>
  ['/api/v1/no/such/path', '/api/v1/pin', '/api/v1/admin', '/api/admin'].map((path) => ({ method, path })),
);

let target: Target;
let staff: QueueClient;
let token: string;
let refused: Caller[];
let secrets: Secrets;
let asked = 0;
let asTheIndexSays = 0;

beforeAll(async () => {
  target = await openTarget();
  ({ token, refused } = await openCallers(target));
  staff = await QueueClient.open(target);
  secrets = await putSomebodyInEveryLine();
}, TURN_TIMEOUT);
afterAll(() => target?.close());

async function putSomebodyInEveryLine(): Promise<Secrets> {
  const texts = new Map<string, string>([[target.admin.password, 'the password']]);
  for (const clinic of CLINIC_IDS) {
    const user = newId('matrix');
    texts.set(user, `the patient in ${clinic}`);
    await staff.enter(clinic, user);
  }
  return { texts, pins: new Set((await staff.pins()).allPins) };
}

type Want = 'admitted' | 'UNAUTHORIZED' | 'FORBIDDEN';

/** What the index says of this caller. */
function wanted({ auth, write }: IndexRow, { is }: Caller): Want {
  if (auth === 'public') return 'admitted';
  if (auth === 'metrics') return is === 'metrics' ? 'admitted' : 'UNAUTHORIZED';
  // The tick writes under GET too.
  if (is === 'foreign') return write ? 'FORBIDDEN' : 'admitted';
  return is === 'admin' || is === auth ? 'admitted' : 'UNAUTHORIZED';
}

function ask(
  { method, path }: IndexRow,
  { headers }: Caller,
  values: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const isRead = method === 'GET' || method === 'HEAD';
  return askAnyRoute(target.url, method, path, {
    headers,
    ...(isRead
      ? { query: new URLSearchParams(values as Record<string, string>) }
      : { raw: JSON.stringify(values) }),
  });
}

/** The answer before web page mode. */
function clean(answer: Answer): Answer {
  const status = answer.headers.get('x-original-status');
  return status === null ? answer : { ...answer, status: Number(status) };
}

/** Fails unless this caller was treated as the index says. */
function judge(row: IndexRow, caller: Caller, answer: Answer): void {
  const what = `${row.method} ${row.path} by ${caller.name}: ${answer.status} ${answer.text.slice(0, 200)}`;
  const want = wanted(row, caller);
  if (want === 'admitted') {
    expect(answer.status, what).toBeLessThan(500);
    expect(['UNAUTHORIZED', 'FORBIDDEN'], what).not.toContain(answer.body.code);
    expect(answer.headers.has('www-authenticate'), what).toBe(false);
    // The one page that says so to everybody.
    if (row.path !== '/auth/denied') expect([401, 403], what).not.toContain(answer.status);
  } else if (row.method === 'HEAD') {
    expect([answer.status, answer.text], what).toEqual([want === 'UNAUTHORIZED' ? 401 : 403, '']);
  } else {
    expect(answer.body.code, what).toBe(want);
    expectError(answer, want, row.path.startsWith('/api/session/') ? { ok: false } : {});
  }
  if (caller.is === 'admin' || caller.is === 'foreign') return;
  const own = [...Object.values(caller.headers), answer.headers.get('set-cookie') ?? ''];
  const leaks = [...leaksInText(answer.text, secrets, own), ...leaksInValue(answer.body, secrets, ['10'])];
  expect(leaks, what).toEqual([]);
}

interface Combination {
  readonly row: IndexRow;
  readonly caller: Caller;
  /** False: nothing is sent at all, as who is calling is looked at before the fields. */
  readonly valid: boolean;
}

async function tryOne({ row, caller, valid }: Combination): Promise<void> {
  asked += 1;
  judge(row, caller, clean(await ask(row, caller, valid ? validValues(target, row.method, row.path) : {})));
  asTheIndexSays += 1;
}

function combinations(rows: readonly IndexRow[], callers: readonly Caller[], step = STEP): Combination[] {
  return rows.flatMap((row, rowIndex) =>
    callers.flatMap((caller, callerIndex) =>
      waysOf(row, caller).filter((_way, index) => (rowIndex + callerIndex + index) % step === 0),
    ),
  );
}

function waysOf(row: IndexRow, caller: Caller): Combination[] {
  // Looking at a password is slow on purpose, and who brings it changes nothing.
  if (isLogin(row) && caller.name !== 'nobody') return [{ row, caller, valid: false }];
  // A revoked token counts as state, which is looked at after the fields.
  if (caller.revoked) return [{ row, caller, valid: true }];
  return [
    { row, caller, valid: true },
    { row, caller, valid: false },
  ];
}

const isLogin = ({ path }: IndexRow) => path === '/admin/login' || path === '/api/v1/auth/login';

/** All that staff can see and change, but for what the time of asking says. */
async function everything(): Promise<unknown> {
  const read = async (path: string) => {
    const { body } = await staff.get(path, { token: staff.token });
    const { timestamp: _timestamp, ...rest } = body;
    return rest;
  };
  const lines = await Promise.all(CLINIC_IDS.map((clinic) => staff.line(clinic)));
  const others = [
    '/api/admin/settings',
    '/api/session/stats',
    '/api/v1/pin/status',
    '/api/v1/reports/history',
  ];
  return { lines, others: await Promise.all(others.map(read)) };
}

const isServed = ({ method, path }: IndexRow) => served.has(`${method} ${path}`);
const closed = ROUTES.filter((row) => row.auth !== 'public' && isServed(row));
const open = ROUTES.filter((row) => row.auth === 'public');

describe('the matrix', { timeout: TIMEOUT }, () => {
  it('has every route: those of the index and those of the application are the same', () => {
    const indexed = ROUTES.filter(({ auth }) => auth !== 'metrics' || served.has('GET /metrics'));
    expect(indexed.map(({ method, path }) => `${method} ${path}`).toSorted()).toStrictEqual(
      [...served].toSorted(),
    );
  });

  it('refuses whoever is not named by the index, whatever they send, and nothing changes', async () => {
    const callers = [...refused, ...machineCallers(target)];
    const outside = combinations(closed, callers).filter(
      ({ row, caller }) => wanted(row, caller) !== 'admitted',
    );
    const before = await everything();
    await atMost(AT_ONCE, outside, tryOne);
    const foreign = adminCallers(token).filter(({ is }) => is === 'foreign');
    const writes = closed.filter(({ method }) => method === 'POST' || method === 'PUT');
    await atMost(AT_ONCE, combinations(writes, foreign), tryOne);
    expect(await everything()).toStrictEqual(before);
  });

  it('admits everybody to what is public, and shows them no secret', async () => {
    await atMost(AT_ONCE, combinations(open, [...refused, ...machineCallers(target)]), tryOne);
  });

  it('admits an admin everywhere but to the metrics, however he says who he is', async () => {
    const rows = ROUTES.filter((row) => row.path !== LOGOUT && isServed(row));
    await atMost(AT_ONCE, combinations(rows, adminCallers(token)), tryOne);
  });

  it('admits the scheduler to the tick, and the monitor to the metrics', async () => {
    const inside = combinations(closed, machineCallers(target), 1).filter(
      ({ row, caller }) => wanted(row, caller) === 'admitted',
    );
    await atMost(AT_ONCE, inside, tryOne);
  });

  it('has nothing for anybody at an unknown path', async () => {
    const callers = [...refused, ...machineCallers(target), ...adminCallers(token)];
    const all = UNKNOWN.flatMap((row, rowIndex) =>
      callers.filter((_caller, index) => (rowIndex + index) % STEP === 0).map((caller) => ({ row, caller })),
    );
    await atMost(AT_ONCE, all, async ({ row: { method, path }, caller }) => {
      asked += 1;
      const isRead = method === 'GET';
      const answer = await request(target.url, method, path, {
        headers: caller.headers,
        ...(!isRead && { json: {} }),
      });
      expectError(answer, 'NOT_FOUND', { path });
      asTheIndexSays += 1;
    });
  });

  it('lets an admin out, however he says who he is, and from then on nobody with that token', async () => {
    const row = INDEX.find(({ path }) => path === LOGOUT);
    if (!row) throw new Error('no logout');
    for (const index of adminCallers('').keys()) {
      const fresh = await login(target);
      const caller = adminCallers(fresh)[index];
      if (!caller) throw new Error('no caller');
      await tryOne({ row, caller, valid: true });
      if (caller.is === 'foreign') continue;
      const late: Caller = { ...caller, name: `${caller.name}, logged out`, is: 'nobody', revoked: true };
      await atMost(AT_ONCE, combinations(closed, [late]), tryOne);
    }
  });

  it('leaks nowhere', () => {
    const callers = refused.length + machineCallers(target).length + adminCallers('').length;
    const leaks = asked - asTheIndexSays;
    report(`${ROUTES.length} routes (HEAD included) × ${callers} callers, ${leaks} leaks`, asked);
    expect(leaks).toBe(0);
    expect(asked).toBeGreaterThan((ROUTES.length * refused.length) / STEP);
  });
});
