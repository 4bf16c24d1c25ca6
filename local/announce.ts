// What a person reads who started a server here, and how that server ends.
import type { LocalServer } from './local-server.ts';
import { bold, dim, green } from './terminal.ts';

export interface Announcement {
  readonly name: string;
  readonly server: LocalServer;
  /** Of `performance.now()`, when the command began. */
  readonly began: number;
  readonly data: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  /** Whether the account's password was the caller's own. */
  readonly ownPassword: boolean;
}

/** Prints where it is, what stands behind it, and the password of an account that this start made. */
export function announce({
  name,
  server,
  began,
  data,
  databaseUrl,
  redisUrl,
  ownPassword,
}: Announcement): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${green('●')} ${bold(name)} on ${bold(server.url)} ${dim(`(ready in ${seconds} s)`)}`);
  console.log(`  database  ${databaseUrl ? 'the server of DATABASE_URL' : `embedded Postgres in ${data}`}`);
  console.log(`  redis     ${redisUrl ? 'the server of REDIS_URL' : 'embedded, in memory'}`);
  if (!server.admin) return;
  const shown = ownPassword ? '(from ADMIN_PASSWORD)' : server.admin.password;
  console.log(`  admin     ${bold(server.admin.username)} / ${bold(shown)}`);
  if (!ownPassword) console.log(dim('            shown this once: only its hash is kept'));
}

/** Ends the process after `close`, at the first signal to stop. */
export function closeAtSignal(close: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void close().finally(() => process.exit(0));
    });
  }
}
