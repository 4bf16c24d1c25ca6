import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { clinics, examText, examType, gender, genderPath, routeId, stations, user } from '../lib/fields.ts';
import { NO_SUGGESTION, suggestPath } from '../lib/path-suggestion.ts';
import { createRoute, getRoute } from '../lib/patient-routes.ts';
import { optional, required, validate } from '../lib/validate.ts';

const path = {
  patientId: optional(user),
  examType: optional(examText),
  gender: optional(gender),
  path: optional(genderPath),
};

export const routeRoutes = new Hono<AppEnv>()
  .post(
    '/api/v1/route/create',
    validate(
      'json',
      {
        patientId: required(user),
        examType: optional(examType),
        gender: optional(gender),
        stations: optional(stations),
        clinics: optional(clinics),
      },
      {},
      { examType: ['stations', 'clinics'] },
    ),
    async (c) => c.json(await createRoute(c.var.ctx, c.req.valid('json'))),
  )
  .get(
    '/api/v1/route/get',
    validate('query', { user: optional(user), routeId: optional(routeId) }),
    async (c) => c.json(await getRoute(c.var.ctx, c.req.valid('query'))),
  )
  .get('/api/v1/path/choose', validate('query', path), (c) => {
    const asked = c.req.valid('query');
    const isEmpty = Object.keys(asked).length === 0;
    return c.json(isEmpty ? NO_SUGGESTION : suggestPath(asked, c.var.ctx.clock.now()));
  })
  .post('/api/v1/path/choose', validate('json', path), (c) =>
    c.json(suggestPath(c.req.valid('json'), c.var.ctx.clock.now())),
  );
