// Does the queue answer? Nothing here takes a number: a number is never given back, so a false one would stand in a
// real line. The only row is the login of one reserved patient, always the same, which is removed again.
import { type Check, ensure, Skip } from './check.ts';
import { shown } from './target-client.ts';

/** No person has it: a number of twelve zeros. */
export const SYNTHETIC_PATIENT = '000000000000';

const CLINICS = 13;
const LAB = 'lab';

const queueStatus: Check = {
  name: 'a line, without ids',
  async run({ client }) {
    const { body } = await client.json(`/api/v1/queue/status?clinic=${LAB}`, 200);
    for (const name of ['list', 'waiting', 'in', 'done']) {
      const entries = body[name];
      ensure(Array.isArray(entries), `${name} is not a list`);
      for (const { user, visitId } of entries) {
        ensure((user ?? visitId) === '**', `${name} shows the id of a patient to everybody`);
      }
    }
    return `${shown(body.total_waiting)} waiting`;
  },
};

const statistics: Check = {
  name: 'statistics',
  async run({ client }) {
    const { body } = await client.json('/api/v1/stats/queues', 200);
    ensure(Array.isArray(body.queues) && body.queues.length >= CLINICS, 'clinics are missing');
    await client.json('/api/v1/stats/dashboard', 200);
    return undefined;
  },
};

const noPins: Check = {
  name: 'no PIN and no patient without a token',
  async run({ client }) {
    const { body } = await client.json('/api/v1/admin/status', 200);
    const queues = Object.values((body.queues ?? {}) as Record<string, Record<string, unknown>>);
    ensure(queues.length >= CLINICS, 'clinics are missing');
    for (const { pin, list } of queues) {
      ensure(pin === null, 'a PIN is shown to everybody');
      ensure(Array.isArray(list) && list.length === 0, 'patients are shown to everybody');
    }
    return undefined;
  },
};

const refusals: Check = {
  name: 'refusals have their codes',
  async run({ client, id }) {
    await client.json(`/api/v1/queue/position?clinic=${LAB}&user=${id}`, 404, { code: 'NOT_IN_QUEUE' });
    await client.json('/api/v1/queue/position', 400, { code: 'MISSING_FIELDS' });
    await client.json('/api/v1/queue/status?clinic=smoke', 404, { code: 'UNKNOWN_CLINIC' });
    await client.json(`/api/v1/route/get?patientId=${id}`, 404, { code: 'ROUTE_NOT_FOUND' });
    return undefined;
  },
};

const staffOnly: Check = {
  name: 'staff reads and the tick need a token',
  async run({ client }) {
    for (const path of ['/api/session/stats', '/api/system/tick']) {
      await client.json(path, 401, { code: 'UNAUTHORIZED' });
    }
    return undefined;
  },
};

const suggestion: Check = {
  name: 'a suggested path',
  writes: true,
  async run({ client, id }) {
    const json = { patientId: id, gender: 'male', examType: 'courses' };
    await client.json('/api/v1/path/choose', 200, { method: 'POST', json });
    return undefined;
  },
};

const refusedWrites: Check = {
  name: 'writes that change nothing are refused',
  writes: true,
  async run({ client, id }) {
    const post = (path: string, status: number, code: string, json: object) =>
      client.json(path, status, { method: 'POST', json, code });
    await client.json('/api/v1/queue/enter', 400, { method: 'POST', raw: '{', code: 'MALFORMED_BODY' });
    await post('/api/v1/queue/enter', 404, 'UNKNOWN_CLINIC', { clinic: 'smoke', user: id });
    await post('/api/v1/queue/done', 404, 'NOT_IN_QUEUE', { clinic: LAB, user: id, pin: '00' });
    await post('/api/v1/patient/login', 400, 'MISSING_FIELDS', {});
    return undefined;
  },
};

const staffWrites: Check = {
  name: 'staff writes need a token',
  writes: true,
  async run({ client, id }) {
    const post = (path: string, code: string, json: object) =>
      client.json(path, 401, { method: 'POST', json, code });
    await post('/api/v1/queue/call', 'UNAUTHORIZED', { clinic: LAB });
    await post('/api/v1/pin/generate', 'UNAUTHORIZED', {});
    await post('/api/admin/settings', 'UNAUTHORIZED', { settings: {} });
    // A name that nobody has, and another at each run: the limit of five tries a minute is per name.
    await post('/api/v1/auth/login', 'INVALID_CREDENTIALS', { username: id, password: id });
    return undefined;
  },
};

const patientLogin: Check = {
  name: 'a synthetic patient logs in',
  writes: true,
  async run({ client, learnt }) {
    const json = { patientId: SYNTHETIC_PATIENT, gender: 'male' };
    const { body } = await client.json('/api/v1/patient/login', 200, { method: 'POST', json });
    const { id } = (body.data ?? {}) as { id?: unknown };
    ensure(typeof id === 'string' && /^[\w-]{22,64}$/.test(id), 'the answer has no session id');
    learnt.session = id;
    await client.json(`/api/v1/queue/position?clinic=${LAB}&user=${id}`, 404, { code: 'NOT_IN_QUEUE' });
    return undefined;
  },
};

const patientRemoved: Check = {
  name: 'the synthetic patient is removed',
  writes: true,
  async run({ learnt: { session }, options: { removePatient } }) {
    if (session === undefined) throw new Skip('nobody logged in');
    if (!removePatient)
      throw new Skip(`no DATABASE_URL: one patient ${SYNTHETIC_PATIENT} stays, reused by every run`);
    // None when another run logged the same patient in meanwhile: that one removes it.
    return (await removePatient(session)) === 0 ? 'another run took it over' : undefined;
  },
};

export const QUEUE_CHECKS: readonly Check[] = [
  queueStatus,
  statistics,
  noPins,
  refusals,
  staffOnly,
  suggestion,
  refusedWrites,
  staffWrites,
  patientLogin,
  patientRemoved,
];
