/** `hc<AppType>` covers every route of the contract: this file compiles only while the client has each of them. */
import { readFileSync } from 'node:fs';
import { hc } from 'hono/client';
import type { ExtractSchema } from 'hono/types';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { AppType } from '../../src/app.ts';

const client = hc<AppType>('http://api.example');

const COVERED = {
  'GET /api/v1/health/status': client.api.v1.health.status.$get,
  'GET /health': client.health.$get,
  'POST /admin/login': client.admin.login.$post,
  'GET /api/v1/admin/status': client.api.v1.admin.status.$get,
  'POST /api/v1/admin/set-call-interval': client.api.v1.admin['set-call-interval'].$post,
  'POST /api/v1/patient/login': client.api.v1.patient.login.$post,
  'POST /api/v1/queue/enter': client.api.v1.queue.enter.$post,
  'GET /api/v1/queue/status': client.api.v1.queue.status.$get,
  'GET /api/v1/queue/position': client.api.v1.queue.position.$get,
  'POST /api/v1/queue/call': client.api.v1.queue.call.$post,
  'POST /api/v1/queue/done': client.api.v1.queue.done.$post,
  'GET /api/v1/pin/status': client.api.v1.pin.status.$get,
  'POST /api/v1/pin/generate': client.api.v1.pin.generate.$post,
  'POST /api/v1/route/create': client.api.v1.route.create.$post,
  'GET /api/v1/route/get': client.api.v1.route.get.$get,
  'POST /api/v1/path/choose': client.api.v1.path.choose.$post,
  'POST /api/v1/clinic/exit': client.api.v1.clinic.exit.$post,
  'GET /api/v1/stats/queues': client.api.v1.stats.queues.$get,
  'GET /api/v1/stats/dashboard': client.api.v1.stats.dashboard.$get,
  'GET /api/v1/events/stream': client.api.v1.events.stream.$get,
  'GET /api/v1/notify/status': client.api.v1.notify.status.$get,
  'GET /api/v1/reports/daily': client.api.v1.reports.daily.$get,
  'GET /api/v1/reports/weekly': client.api.v1.reports.weekly.$get,
  'GET /api/v1/reports/monthly': client.api.v1.reports.monthly.$get,
  'GET /api/v1/reports/annual': client.api.v1.reports.annual.$get,
  'GET /config/clinic-pins': client.config['clinic-pins'].$get,
  'GET /api/admin/settings': client.api.admin.settings.$get,
  'POST /api/patient/enqueue': client.api.patient.enqueue.$post,
  'POST /api/queue/call-next': client.api.queue['call-next'].$post,
  'POST /api/queue/complete': client.api.queue.complete.$post,
  'GET /api/queue/status': client.api.queue.status.$get,
  'POST /api/system/tick': client.api.system.tick.$post,
  'GET /api/v1/queue': client.api.v1.queue.$get,
  'POST /api/v1/queue': client.api.v1.queue.$post,
  'GET /api/v1/status': client.api.v1.status.$get,
  'GET /api/v1/path/choose': client.api.v1.path.choose.$get,
  'POST /api/v1/events/recovery': client.api.v1.events.recovery.$post,
  'GET /api/v1/reports/history': client.api.v1.reports.history.$get,
  'POST /api/session/create': client.api.session.create.$post,
  'POST /api/session/validate': client.api.session.validate.$post,
  'POST /api/session/device': client.api.session.device.$post,
  'GET /api/session/stats': client.api.session.stats.$get,
  'POST /api/admin/settings': client.api.admin.settings.$post,
  'PUT /api/admin/settings': client.api.admin.settings.$put,
  'GET /api/patient/enqueue': client.api.patient.enqueue.$get,
  'GET /api/system/tick': client.api.system.tick.$get,
  'POST /admin/logout': client.admin.logout.$post,
  'GET /auth/denied': client.auth.denied.$get,
  'POST /api/v1/auth/login': client.api.v1.auth.login.$post,
  'GET /health/live': client.health.live.$get,
  'GET /health/ready': client.health.ready.$get,
  'GET /api/health': client.api.health.$get,
  'GET /api/v1/health': client.api.v1.health.$get,
  'GET /metrics': client.metrics.$get,
  'GET /openapi.json': client['openapi.json'].$get,
  'GET /docs': client.docs.$get,
};

type Schema = ExtractSchema<AppType>;

/** `METHOD /path` of every route that the types know. */
type Known = {
  [Path in keyof Schema & string]: keyof Schema[Path] extends infer Method
    ? Method extends `$${infer Name}`
      ? `${Uppercase<Name>} ${Path}`
      : never
    : never;
}[keyof Schema & string];

describe('the typed client', () => {
  it('has every row of the contract’s index, as a function', () => {
    const index: readonly { method: string; path: string }[] = JSON.parse(
      readFileSync(new URL('../contract/endpoints.json', import.meta.url), 'utf8'),
    );
    const rows = index.filter(({ method }) => method !== '*').map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(COVERED).toSorted()).toStrictEqual(rows.toSorted());
    for (const call of Object.values(COVERED)) expect(call).toBeTypeOf('function');
  });

  it('has no route besides', () => {
    expectTypeOf<Known>().toEqualTypeOf<keyof typeof COVERED>();
  });
});
