/** Settings of staff for the time of one test. */
import { expect } from 'vitest';
import type { QueueClient } from './queue-client.ts';

type Settings = Readonly<Record<string, string | number | boolean | null>>;

const DEFAULTS: Settings = {
  grace_minutes: 5,
  max_capacity_per_clinic: 6,
  enable_auto_routing: true,
  working_hours_start: '00:00',
  working_hours_end: '24:00',
  emergency_pin: null,
};

/** Runs `work` with these settings, then puts the defaults back. */
export async function withSettings(client: QueueClient, settings: Settings, work: () => Promise<void>) {
  await save(client, settings);
  try {
    await work();
  } finally {
    await save(client, Object.fromEntries(Object.keys(settings).map((key) => [key, DEFAULTS[key] ?? null])));
  }
}

async function save(client: QueueClient, settings: Settings): Promise<void> {
  const answer = await client.post('/api/admin/settings', { settings }, { token: client.token });
  expect(answer.status, answer.text).toBe(200);
}
