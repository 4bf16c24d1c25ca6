import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { adminOnly } from '../lib/caller.ts';
import { settingKey, settingSelection, settings, settingType, settingValue } from '../lib/fields.ts';
import { readSettings, saveSetting, saveSettings } from '../lib/settings.ts';
import { optional, required, validate } from '../lib/validate.ts';

const several = validate(
  'json',
  { type: optional(settingType), settings: required(settings) },
  { missing: 'Settings object is required' },
);

const one = validate(
  'json',
  { key: required(settingKey), value: required(settingValue) },
  { missing: 'Key and value are required' },
);

export const settingsRoutes = new Hono<AppEnv>()
  .get('/api/admin/settings', validate('query', { type: optional(settingSelection) }), async (c) =>
    c.json(await readSettings(c.var.ctx, c.req.valid('query').type)),
  )
  .post('/api/admin/settings', adminOnly, several, async (c) =>
    c.json(await saveSettings(c.var.ctx, c.req.valid('json'))),
  )
  .put('/api/admin/settings', adminOnly, one, async (c) =>
    c.json(await saveSetting(c.var.ctx, c.req.valid('json'))),
  );
