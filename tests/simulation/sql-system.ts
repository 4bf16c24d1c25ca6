/** The SQL functions themselves, without anything before them. */
import type { Answer, SqlDatabase } from '../support/sql-database.ts';
import type { CommitteeModel, Outcome } from './committee-model.ts';
import { OBSERVED_EVENTS, OBSERVED_ROWS, TABLES, Versions } from './observed-rows.ts';
import type { System } from './play.ts';
import type { Step } from './steps.ts';

const KEPT = {
  NOT_IN_QUEUE: 404,
  NO_PATIENTS_WAITING: 404,
  WRONG_PIN: 403,
  NOT_CALLED: 409,
  CAPACITY_FULL: 409,
};

/** What a wrong PIN is: no clinic's, whatever the day. */
const WRONG_PIN = 'no';

export function sqlSystem(db: SqlDatabase): System {
  const versions = new Versions();
  let keys = 0;

  /** Answered, and sent again under its key: the second answer must be the first one. */
  async function twice(name: string, args: object, now: string): Promise<Answer> {
    keys += 1;
    const wrapped = {
      scope: 'simulation',
      key: String(keys),
      request_hash: 'same',
      at: now,
      request_id: 'simulated',
      kept: KEPT,
      now,
      function: name,
      arguments: args,
    };
    const first = await db.call('with_idempotency', wrapped);
    const second = await db.call('with_idempotency', wrapped);
    const [one, other] = [first.answer, second.answer] as [Answer, Answer];
    if (JSON.stringify(one) !== JSON.stringify(other)) {
      throw new Error(`repeated: ${JSON.stringify(other)} instead of ${JSON.stringify(one)}`);
    }
    return one;
  }

  /** Done in a transaction that never ends well, as when its session is cut before the commit. */
  async function undone(name: string, args: object): Promise<void> {
    const client = await db.pool.connect();
    try {
      await client.query('begin');
      await client.query(`select ${name}($1::jsonb)`, [JSON.stringify(args)]);
      await client.query('rollback');
    } finally {
      client.release();
    }
  }

  async function pinOf(clinic: string, day: string, dayEnd: string, now: string): Promise<string> {
    await db.call('get_current_pins', { day, day_end: dayEnd, now });
    return db.value<string>(
      'select pin as value from pins where service_day = $1 and clinic_code = $2 and is_active',
      [day, clinic],
    );
  }

  return {
    repertoire: { staff: true, priorities: true, mishaps: ['repeated', 'undone', 'late'], cache: false },
    model: { oneAddress: false },
    async reset() {
      versions.forget();
      await db.rows(`truncate ${TABLES}`);
    },
    async perform(step: Step, model: CommitteeModel): Promise<Outcome> {
      const now = model.now.toISOString();
      if (step.does === 'tick') return tick(db, model.day(), now);
      if (step.does === 'wait' || step.does === 'forget cache') return 'done';
      const day = model.day(step.mishap === 'late');
      const dayEnd = new Date(Date.parse(`${day}T21:00:00Z`)).toISOString();
      const [name, own] = await callOf(step, () => pinOf(step.clinic, day, dayEnd, now));
      const args = { clinic: step.clinic, day, day_end: dayEnd, now, ...own };
      if (step.mishap === 'undone') {
        await undone(name, args);
        return 'undone';
      }
      const isCovered = name !== 'check_in_patient' && name !== 'expire_no_shows';
      const answer =
        step.mishap === 'repeated' && isCovered ? await twice(name, args, now) : await db.call(name, args);
      return outcomeOf(step, answer);
    },
    async observe() {
      const found = await db.rows<{ row: string }>(`${OBSERVED_ROWS} union all ${OBSERVED_EVENTS}`);
      return versions.check(found.map(({ row }) => row));
    },
    expected: (model) => [...model.rows(), ...model.events()],
  };
}

type Action = Exclude<Step, { does: 'tick' | 'wait' | 'forget cache' }>;

async function callOf(step: Action, rightPin: () => Promise<string>): Promise<[string, object]> {
  switch (step.does) {
    case 'enter':
      return ['enter_queue', { user: step.user, priority: step.priority }];
    case 'call':
      return [
        'call_next_patient',
        { by: 'admin', ...(step.capacity !== undefined && { capacity: step.capacity }) },
      ];
    case 'check in':
      return ['check_in_patient', { user: step.user }];
    case 'expire':
      return ['expire_no_shows', {}];
    case 'leave': {
      const how = {
        'right pin': async () => ({ pin: await rightPin() }),
        'wrong pin': async () => ({ pin: WRONG_PIN }),
        staff: async () => ({ only_called: true }),
      };
      return ['complete_patient_service', { user: step.user, ...(await how[step.by]()) }];
    }
  }
}

function outcomeOf({ does }: Action, answer: Answer): Outcome {
  if (!answer.ok) return String(answer.code);
  switch (does) {
    case 'enter':
      return answer.entry_status === 'ENTERED'
        ? `ENTERED ${answer.number} at place ${String(answer.position)}`
        : `ALREADY_IN_QUEUE ${answer.number}`;
    case 'call':
      return `called ${answer.number} ${answer.user}, ${String(answer.waiting)} wait`;
    case 'leave':
      return `left ${answer.number}, ${String(answer.remaining_in_queue)} wait`;
    case 'check in':
      return `inside ${answer.number}`;
    case 'expire':
      return `expired ${String(answer.expired)}`;
  }
}

async function tick(db: SqlDatabase, day: string, now: string): Promise<Outcome> {
  const state = await db.call('tick_state', { day, now, expire: false });
  for (const line of state.open_lines as { day: string; clinic: string }[]) {
    await db.call('close_past_line', { ...line, today: day, now });
  }
  return 'done';
}
