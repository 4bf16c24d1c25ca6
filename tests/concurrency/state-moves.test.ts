/** Every move of an entry between the six states, by hand and through the functions: the legal ones, and no other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { report, tally } from '../support/sql-report.ts';

const STATES = ['WAITING', 'CALLED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW'] as const;
type State = (typeof STATES)[number];

/** The contract's moves. */
const LEGAL: Record<State, readonly State[]> = {
  WAITING: ['CALLED', 'COMPLETED', 'CANCELLED'],
  CALLED: ['IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW'],
  IN_PROGRESS: ['COMPLETED', 'CANCELLED'],
  COMPLETED: [],
  CANCELLED: [],
  NO_SHOW: [],
};

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase(8);
});
afterAll(() => db.remove());

/** An entry as it stands in a state, with every time that any state needs. */
async function place(clinic: string, day: string, user: string, state: State): Promise<void> {
  await db.rows(
    `insert into queues (clinic_code, service_day, patient_id, queue_number, status, called_at, started_at, completed_at)
     select $1, $2, $3, 1 + coalesce(max(queue_number), 0), $4, now(), now(), now()
     from queues where clinic_code = $1 and service_day = $2`,
    [clinic, day, user, state],
  );
  await db.rows(
    `insert into queue_counters (clinic_code, service_day, last_number) values ($1, $2, 1)
     on conflict (clinic_code, service_day) do update set last_number = queue_counters.last_number + 1`,
    [clinic, day],
  );
}

describe('a hand at the database', () => {
  it('can make every legal move and no illegal one', async () => {
    const [clinic, day] = ['lab', '2033-01-01'];
    const outcomes: string[] = [];
    for (const from of STATES) {
      for (const to of STATES) {
        const user = `${from}-${to}`;
        await place(clinic, day, user, from);
        const outcome = await db.rows('update queues set status = $2 where patient_id = $1', [user, to]).then(
          () => 'moved',
          (error: { code: string; constraint: string }) => `${error.code} ${error.constraint}`,
        );
        const allowed = from === to || LEGAL[from].includes(to);
        expect([user, outcome]).toEqual([user, allowed ? 'moved' : '23514 queues_move_check']);
        outcomes.push(outcome);
      }
    }
    expect(tally(outcomes)).toEqual({ moved: 6 + 9, '23514 queues_move_check': 21 });
    report('every state change tried by hand: 9 legal and 6 to itself pass, 21 are refused', outcomes.length);
  });

  it.each([
    ['CALLED', 'called_at'],
    ['IN_PROGRESS', 'started_at'],
    ['COMPLETED', 'completed_at'],
  ])('cannot leave an entry %s without its %s', async (state, column) => {
    const insert = db.rows(
      `insert into queues (clinic_code, service_day, patient_id, queue_number, status)
       values ('lab', '2033-01-02', 'timeless', 1, $1)`,
      [state],
    );
    await expect(insert).rejects.toMatchObject({
      code: '23514',
      constraint: `queues_${column.replace('_at', '')}_check`,
    });
  });

  it('cannot give a clinic two entries of one number, nor a patient two open ones', async () => {
    await place('ecg', '2033-01-03', 'first', 'WAITING');
    const insert = (user: string, day: string, number: number) =>
      db.rows(
        `insert into queues (clinic_code, service_day, patient_id, queue_number) values ('ecg', $1, $2, $3)`,
        [day, user, number],
      );
    await expect(insert('second', '2033-01-03', 1)).rejects.toMatchObject({
      constraint: 'queues_number_of_day_key',
    });
    await expect(insert('first', '2033-01-04', 1)).rejects.toMatchObject({
      constraint: 'queues_active_entry_key',
    });
  });
});

type Outcome = readonly [answer: string, left: State | null];

/** What each operation answers to an entry in each state, and the state it leaves; `none` is no entry at all. */
const OPERATIONS: readonly {
  readonly operation: string;
  readonly name: string;
  readonly args?: object;
  readonly outcomes: Record<State | 'none', Outcome>;
}[] = [
  {
    operation: 'entering',
    name: 'enter_queue',
    outcomes: {
      none: ['ENTERED', 'WAITING'],
      WAITING: ['ALREADY_IN_QUEUE', 'WAITING'],
      CALLED: ['ALREADY_IN_QUEUE', 'CALLED'],
      IN_PROGRESS: ['ALREADY_IN_QUEUE', 'IN_PROGRESS'],
      COMPLETED: ['ALREADY_IN_QUEUE', 'COMPLETED'],
      CANCELLED: ['ENTERED', 'WAITING'],
      NO_SHOW: ['ENTERED', 'WAITING'],
    },
  },
  {
    operation: 'calling',
    name: 'call_next_patient',
    outcomes: {
      none: ['NO_PATIENTS_WAITING', null],
      WAITING: ['ok', 'CALLED'],
      CALLED: ['NO_PATIENTS_WAITING', 'CALLED'],
      IN_PROGRESS: ['NO_PATIENTS_WAITING', 'IN_PROGRESS'],
      COMPLETED: ['NO_PATIENTS_WAITING', 'COMPLETED'],
      CANCELLED: ['NO_PATIENTS_WAITING', 'CANCELLED'],
      NO_SHOW: ['NO_PATIENTS_WAITING', 'NO_SHOW'],
    },
  },
  {
    operation: 'checking in',
    name: 'check_in_patient',
    outcomes: {
      none: ['NOT_IN_QUEUE', null],
      WAITING: ['NOT_CALLED', 'WAITING'],
      CALLED: ['ok', 'IN_PROGRESS'],
      IN_PROGRESS: ['ok', 'IN_PROGRESS'],
      COMPLETED: ['NOT_IN_QUEUE', 'COMPLETED'],
      CANCELLED: ['NOT_IN_QUEUE', 'CANCELLED'],
      NO_SHOW: ['NOT_IN_QUEUE', 'NO_SHOW'],
    },
  },
  {
    operation: 'done by the patient',
    name: 'complete_patient_service',
    outcomes: {
      none: ['NOT_IN_QUEUE', null],
      WAITING: ['ok', 'COMPLETED'],
      CALLED: ['ok', 'COMPLETED'],
      IN_PROGRESS: ['ok', 'COMPLETED'],
      COMPLETED: ['ok', 'COMPLETED'],
      CANCELLED: ['NOT_IN_QUEUE', 'CANCELLED'],
      NO_SHOW: ['NOT_IN_QUEUE', 'NO_SHOW'],
    },
  },
  {
    operation: 'completing by staff',
    name: 'complete_patient_service',
    args: { only_called: true },
    outcomes: {
      none: ['NOT_IN_QUEUE', null],
      WAITING: ['NOT_CALLED', 'WAITING'],
      CALLED: ['ok', 'COMPLETED'],
      IN_PROGRESS: ['ok', 'COMPLETED'],
      COMPLETED: ['ok', 'COMPLETED'],
      CANCELLED: ['NOT_IN_QUEUE', 'CANCELLED'],
      NO_SHOW: ['NOT_IN_QUEUE', 'NO_SHOW'],
    },
  },
];

describe('a function', () => {
  it.each(OPERATIONS)(
    'moves an entry as the contract says, and writes as much: $operation',
    async (tried) => {
      const { operation, name, args, outcomes } = tried;
      const clinic = 'xray';
      const month = String(2 + OPERATIONS.indexOf(tried)).padStart(2, '0');
      for (const [index, from] of (['none', ...STATES] as const).entries()) {
        const day = `2033-${month}-0${1 + index}`;
        const user = `${operation}-${from}`.replaceAll(' ', '-');
        if (from !== 'none') await place(clinic, day, user, from);
        const events = () => db.value('select count(*)::int from events');
        const before = await events();
        const answer = await db.call(name, { clinic, day, user, ...args });
        const written = (await events()) - before;

        const [newest] = await db.rows<{ status: State }>(
          'select status from queues where service_day = $1 order by queue_number desc limit 1',
          [day],
        );
        const [expected, left] = outcomes[from];
        const said = String(answer.code ?? answer.entry_status ?? 'ok');
        expect({ from, said, left: newest?.status ?? null }).toEqual({ from, said: expected, left });
        // A move writes its event and CACHE_INVALIDATED; check-in has no event of its own. No move, no event.
        const moved = left !== (from === 'none' ? null : from);
        const perMove = operation === 'checking in' ? 1 : 2;
        expect({ from, written }).toEqual({ from, written: moved ? perMove : 0 });
      }
      report(`${operation} tried in every state`, 1 + STATES.length);
    },
  );
});
