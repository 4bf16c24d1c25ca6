import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { gender, personalNumber } from '../lib/fields.ts';
import { loginPatient } from '../lib/patients.ts';
import { required, validate } from '../lib/validate.ts';

const login = validate(
  'json',
  { patientId: required(personalNumber), gender: required(gender) },
  {
    missing: 'Missing required fields: patientId and gender',
    invalid: {
      patientId: 'Invalid patientId format. Must be 2-12 digits.',
      gender: 'Invalid gender. Must be "male" or "female".',
    },
  },
);

export const patientRoutes = new Hono<AppEnv>().post('/api/v1/patient/login', login, async (c) =>
  c.json(await loginPatient(c.var.ctx, c.req.valid('json'))),
);
