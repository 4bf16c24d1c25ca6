// The functions by name, and the path of the API that each answers. Their names are known to clients: none may change.

/** Functions of one endpoint: `/<name>` is this path, and nothing lies below it. */
const ONE_PATH: Readonly<Record<string, string>> = {
  'admin-login': '/admin/login',
  'admin-set-call-interval': '/api/v1/admin/set-call-interval',
  'admin-status': '/api/v1/admin/status',
  'clinic-exit': '/api/v1/clinic/exit',
  'events-stream': '/api/v1/events/stream',
  'notify-status': '/api/v1/notify/status',
  'path-choose': '/api/v1/path/choose',
  'patient-login': '/api/v1/patient/login',
  'pin-generate': '/api/v1/pin/generate',
  'pin-status': '/api/v1/pin/status',
  'queue-call': '/api/v1/queue/call',
  'queue-done': '/api/v1/queue/done',
  'queue-enter': '/api/v1/queue/enter',
  'queue-position': '/api/v1/queue/position',
  'queue-status': '/api/v1/queue/status',
  'reports-annual': '/api/v1/reports/annual',
  'reports-daily': '/api/v1/reports/daily',
  'reports-monthly': '/api/v1/reports/monthly',
  'reports-weekly': '/api/v1/reports/weekly',
  'route-create': '/api/v1/route/create',
  'route-get': '/api/v1/route/get',
  'stats-dashboard': '/api/v1/stats/dashboard',
  'stats-queues': '/api/v1/stats/queues',
};

/** Functions whose name is the first part of their paths, so that the path in the function is the path of the API. */
const OWN_PATHS = ['admin', 'api', 'config', 'health', 'metrics'];

/** Pages for a browser: that platform turns HTML into text, so they are not there. */
export const UNPUBLISHED: ReadonlySet<string> = new Set(['/docs', '/openapi.json', '/auth/denied']);

/** Every function's name: the 27 of one purpose, and `api` for every path that begins with /api/. */
export const FUNCTION_NAMES: readonly string[] = [...Object.keys(ONE_PATH), ...OWN_PATHS].sort();

/** One function more, which no client knows: the whole API below its name, for the smoke test of new code. */
export const CANDIDATE = 'api-next';

/** Everything that the build makes. */
export const BUILT_FUNCTIONS: readonly string[] = [...FUNCTION_NAMES, CANDIDATE].sort();

/** The path of the API for a path in a function, which begins with the function's name. Unknown ones stay unknown. */
export function canonicalPath(name: string, path: string): string {
  if (name === CANDIDATE) return path.slice(`/${CANDIDATE}`.length) || '/';
  const own = ONE_PATH[name];
  return own !== undefined && (path === `/${name}` || path === `/${name}/`) ? own : path;
}
