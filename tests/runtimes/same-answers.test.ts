/** The same request gets the same answer from every target: all routes of the index, right and wrong, on one database. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAnyRoute } from '../contract/any-route.ts';
import { type Answer, newId } from '../contract/http.ts';
import { INDEX, type IndexRow } from '../contract/index-of-endpoints.ts';
import { QueueClient } from '../contract/queue-client.ts';
import { TURN_TIMEOUT } from '../contract/target.ts';
import { validValues } from '../contract/valid-requests.ts';
import { report } from '../support/sql-report.ts';
import { type AllTargets, type NamedTarget, openAllTargets } from './all-targets.ts';
import { type Normalised, normalised } from './normalised.ts';

type Values = Readonly<Record<string, unknown>>;

/** Somebody whom all targets ask about. */
const PATIENT = newId('compared');

/** A logout ends the sessions of all tests; it is compared with nobody's, and at the end with an admin's. */
const LOGOUT = '/admin/logout';

let all: AllTargets;
let token: string;
let compared = 0;
beforeAll(async () => {
  all = await openAllTargets();
  const [node] = all.targets;
  if (!node) throw new Error('no target');
  const staff = await QueueClient.open(node);
  token = staff.token;
  for (const clinic of ['lab', 'xray', 'bones']) await staff.enter(clinic, PATIENT);
  // Whoever calls finds somebody, and a place.
  for (let count = 0; count < 40; count += 1) await staff.enter('bones', newId('waiting'));
  const roomy = { settings: { max_capacity_per_clinic: 100 } };
  await staff.post('/api/admin/settings', roomy, { token });
}, TURN_TIMEOUT);
afterAll(async () => {
  report('the same answer from every target', compared);
  await all?.close();
});

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly values?: (target: NamedTarget) => Values;
  readonly raw?: string;
}

/** Asks every target, one after the other, and expects what the first of them answers. */
async function expectSameAnswers(sent: Sent, isWrite: boolean): Promise<void> {
  let first: Normalised | undefined;
  for (const target of all.targets) {
    const values = sent.values?.(target) ?? {};
    const answer = await ask(target, sent, values);
    const ids = Object.values(values).map(String);
    const got = normalised(answer, ids, isWrite && answer.status < 400);
    first ??= got;
    expect(got, `${target.name}: ${sent.method} ${sent.path}`).toStrictEqual(first);
    compared += 1;
  }
}

function ask(
  target: NamedTarget,
  { method, path, headers = {}, raw }: Sent,
  values: Values,
): Promise<Answer> {
  const isRead = ['GET', 'HEAD', 'OPTIONS'].includes(method);
  return askAnyRoute(target.url, method, path, {
    headers,
    ...(isRead
      ? { query: new URLSearchParams(values as Record<string, string>) }
      : { raw: raw ?? JSON.stringify(values) }),
  });
}

const admin = () => ({ Authorization: `Bearer ${token}` });

/** Reads ask about one patient, so that the answers are of one state; writes are of a patient of their own each. */
function valuesFor({ method, path }: IndexRow): (target: NamedTarget) => Values {
  return (target) => {
    const values = validValues(target, method, path);
    if (method !== 'GET') return values;
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        ['user', 'patientId'].includes(name) ? PATIENT : value,
      ]),
    );
  };
}

describe('every target answers alike', { timeout: 120_000 }, () => {
  describe.each(INDEX.map((row) => [`${row.method} ${row.path}`, row] as const))('%s', (_name, row) => {
    const { method, path } = row;
    const isWrite = row.write || method !== 'GET';

    it('right in all fields', async () => {
      await expectSameAnswers({ method, path, values: valuesFor(row) }, isWrite);
      if (path !== LOGOUT) {
        await expectSameAnswers({ method, path, values: valuesFor(row), headers: admin() }, isWrite);
      }
    });

    it('without any field, with one that is unknown, with a method or a path that is not there', async () => {
      await expectSameAnswers({ method, path }, isWrite);
      const headers = path === LOGOUT ? {} : admin();
      await expectSameAnswers({ method, path, headers, values: () => ({ unknown: 'field' }) }, isWrite);
      await expectSameAnswers({ method: 'PATCH', path }, false);
      await expectSameAnswers({ method: 'OPTIONS', path }, false);
      await expectSameAnswers({ method, path: `${path}/deeper` }, false);
      if (method === 'GET' && path !== '/api/v1/events/stream') {
        await expectSameAnswers({ method: 'HEAD', path, values: valuesFor(row) }, false);
      }
    });

    if (!isWrite || method === 'GET') return;
    it('with a body that is none', async () => {
      for (const raw of ['{"half', '[1]', `"${'x'.repeat(70_000)}"`]) {
        await expectSameAnswers({ method, path, raw }, false);
      }
      const form = { 'Content-Type': 'text/plain' };
      await expectSameAnswers({ method, path, raw: 'text', headers: form }, false);
    });
  });

  it('a logout at one target counts at all', async () => {
    const [first] = all.targets;
    if (!first) throw new Error('no target');
    const out = await ask(first, { method: 'POST', path: LOGOUT, headers: admin() }, {});
    expect(out.status, out.text).toBe(200);
    await expectSameAnswers({ method: 'GET', path: '/api/session/stats', headers: admin() }, false);
    for (const target of all.targets) {
      const late = await ask(target, { method: 'GET', path: '/api/session/stats', headers: admin() }, {});
      expect([target.name, late.status]).toStrictEqual([target.name, 401]);
    }
  });
});
