import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { emergencyCode, examType, gender, personalNumber, priority, user } from '../lib/fields.ts';
import { enqueuePatient, patientProgress } from '../lib/patient-enqueue.ts';
import { loginPatient } from '../lib/patients.ts';
import { optional, required, validate } from '../lib/validate.ts';

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

const enqueue = validate(
  'json',
  {
    patientId: required(user),
    examType: required(examType),
    gender: required(gender),
    priority: optional(priority),
    emergencyCode: optional(emergencyCode),
  },
  { missing: 'Patient ID, exam type, and gender are required' },
);

const progress = validate('query', { patientId: required(user) }, { missing: 'Patient ID is required' });

export const patientRoutes = new Hono<AppEnv>()
  .post('/api/v1/patient/login', login, async (c) =>
    c.json(await loginPatient(c.var.ctx, c.req.valid('json'))),
  )
  .post('/api/patient/enqueue', enqueue, async (c) =>
    c.json(await enqueuePatient(c.var.ctx, c.req.valid('json'))),
  )
  .get('/api/patient/enqueue', progress, async (c) =>
    c.json(await patientProgress(c.var.ctx, c.req.valid('query'))),
  );
