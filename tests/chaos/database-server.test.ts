/** The database's server itself fails under load: sessions are cut, a backend is killed, Postgres starts again. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { hasRedisServer } from '../support/redis-server.ts';
import { mayBeLeftOut } from '../support/volume.ts';
import { CommitteeLoad, SETTLE_LIMIT } from './committee-load.ts';
import { FAULT_LIMIT, type Fault, reportFailures, survive } from './fault-report.ts';
import { expectWholeLines } from './line-invariants.ts';
import { openStage, type Stage } from './stage.ts';

/** Milliseconds between two strikes of a fault that is over at once. */
const BETWEEN = 100;

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

let stage: Stage;
let load: CommitteeLoad;

const OTHERS = `from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;

/** The sessions that the service has. */
const sessions = async () =>
  (await stage.rows<{ one: string }>(`select concat(pid, ' ', backend_start) as one ${OTHERS}`)).map(
    ({ one }) => one,
  );

/** Whatever it is, not one session lives through it. */
const ofTheServer = (name: string, strike: Fault['strike']): Fault => {
  let before: readonly string[] = [];
  return {
    name,
    async strike(lasts) {
      before = await sessions();
      await strike(lasts);
    },
    async felt() {
      const after = await sessions();
      return before.length > 0 && after.length > 0 && before.every((session) => !after.includes(session));
    },
  };
};

const FAULTS: readonly Fault[] = [
  ofTheServer('every session cut, again and again', async (lasts) => {
    for (const end = load.now + lasts; load.now < end; await pause(BETWEEN)) {
      await stage.rows(`select pg_terminate_backend(pid) ${OTHERS}`);
    }
  }),
  ofTheServer('one backend killed by SIGKILL, so that all of Postgres recovers from a crash', async () => {
    const [backend] = await stage.rows<{ pid: number }>(`select pid ${OTHERS} limit 1`);
    if (!backend) throw new Error('the load keeps sessions open');
    process.kill(backend.pid, 'SIGKILL');
  }),
  ofTheServer('Postgres started again', async () => {
    await stage.postgres?.restart();
  }),
];

describe.skipIf(!hasRedisServer() && mayBeLeftOut)('with patients walking', () => {
  beforeAll(async () => {
    stage = await openStage({ ownPostgres: true });
    load = await CommitteeLoad.begin(stage);
  });
  afterAll(async () => {
    await load?.settle().catch(() => undefined);
    await stage?.close();
  });

  it.each(FAULTS)('work is as before soon after: $name', { timeout: FAULT_LIMIT }, (fault) =>
    survive(load, fault),
  );

  it('no number was lost or doubled, nobody was called twice, and everybody was told the truth', {
    timeout: SETTLE_LIMIT,
  }, async () => {
    await load.settle();
    reportFailures(load);
    await expectWholeLines(stage, load);
  });
});
