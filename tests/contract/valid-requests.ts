/** For every route that takes something: a request that is right in all its fields, with ids of its own. */
import { newId } from './http.ts';
import type { Target } from './target.ts';

type Values = Readonly<Record<string, unknown>>;

/** Values that are right for `METHOD /path`: the query of a GET or HEAD, the body of a write. */
export function validValues(target: Target, method: string, path: string): Values {
  const make = MAKERS[`${method === 'HEAD' ? 'GET' : method} ${path}`];
  return make ? make(target) : {};
}

const entry = () => ({ clinic: 'bones', user: newId('caller') });
const credentials = ({ admin }: Target) => ({ ...admin });
const suggestion = () => ({ patientId: newId('caller'), examType: 'courses', gender: 'female' });

const MAKERS: Readonly<Record<string, (target: Target) => Values>> = {
  'POST /admin/login': credentials,
  'POST /api/v1/auth/login': credentials,
  'POST /api/v1/admin/set-call-interval': () => ({ clinic: 'bones', interval_minutes: 0 }),
  'GET /api/admin/settings': () => ({ type: 'all' }),
  'POST /api/admin/settings': () => ({ settings: { grace_minutes: 5 } }),
  'PUT /api/admin/settings': () => ({ key: 'grace_minutes', value: 5 }),
  'POST /api/v1/patient/login': () => ({ patientId: '123456789012', gender: 'male' }),
  'POST /api/patient/enqueue': suggestion,
  'GET /api/patient/enqueue': () => ({ patientId: newId('caller') }),
  'POST /api/v1/queue/enter': entry,
  'POST /api/v1/queue': entry,
  'GET /api/v1/queue/position': entry,
  'GET /api/v1/queue/status': () => ({ clinic: 'bones' }),
  'GET /api/queue/status': () => ({ clinicId: 'bones', detailed: 'true' }),
  'POST /api/v1/queue/call': () => ({ clinic: 'bones' }),
  'POST /api/queue/call-next': () => ({ clinicId: 'bones', force: true }),
  'POST /api/queue/complete': () => ({ patientId: newId('caller'), clinicId: 'bones' }),
  'POST /api/v1/queue/done': () => ({ ...entry(), pin: '10' }),
  'POST /api/v1/clinic/exit': () => ({ ...entry(), pin: '10' }),
  'GET /api/v1/pin/status': () => ({ clinic: 'bones' }),
  'POST /api/v1/pin/generate': () => ({ clinic: 'bones' }),
  'POST /api/v1/route/create': () => ({ patientId: newId('caller'), examType: 'courses' }),
  'GET /api/v1/route/get': () => ({ patientId: newId('caller') }),
  'GET /api/v1/path/choose': suggestion,
  'POST /api/v1/path/choose': suggestion,
  'GET /api/v1/events/stream': () => ({ clinic: 'admin' }),
  'GET /api/v1/notify/status': entry,
  'POST /api/v1/events/recovery': () => ({ source: 'test', retries: 4 }),
  'POST /api/session/create': () => ({ patientId: newId('caller') }),
  'POST /api/session/validate': () => ({ token: newId('caller') }),
  'POST /api/session/device': () => ({ token: newId('caller'), device: 'iOS' }),
  'GET /api/v1/reports/daily': () => ({ date: '2025-10-29' }),
  'GET /api/v1/reports/weekly': () => ({ week: '2025-10-27' }),
  'GET /api/v1/reports/monthly': () => ({ year: '2025', month: '10' }),
  'GET /api/v1/reports/annual': () => ({ year: '2025' }),
};
