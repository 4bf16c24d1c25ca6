/** The cron trigger of the Worker does the minute's work: in workerd under `wrangler dev`, with what wrangler.toml says. */
import pg from 'pg';
import { expect, it } from 'vitest';
import { startLocalRuntime } from '../../local/local-runtime.ts';
import { startWrangler } from '../../local/runtimes/wrangler.ts';
import { createMigratedDatabase } from '../support/postgres-server.ts';
import { builtOutput } from '../support/shared-parts.ts';

it('makes the PINs of a new day, which nobody has asked for yet', { timeout: 120_000 }, async () => {
  const database = await createMigratedDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const pins = async () => Number((await client.query('select count(*) from pins')).rows[0]?.count);
  const server = await startLocalRuntime(startWrangler, {
    root: await builtOutput(),
    environment: 'test',
    databaseUrl: database.url,
    settings: { RATE_LIMITS: 'off' },
  });
  try {
    expect(await pins()).toBe(0);
    const event = await fetch(`${server.url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`);
    expect([event.status, await event.text()]).toEqual([200, 'ok']);
    expect(await pins()).toBe(13);
  } finally {
    await server.close();
    await client.end();
    await database.drop();
  }
});
