/** Random operations at once over a whole day; afterwards every invariant of the line, the routes and the events. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { type LineChange, LineModel } from '../support/sql-line-model.ts';
import { type Random, seededRandom, testSeed } from '../support/sql-random.ts';
import { atOnce, oneTo, report, tally } from '../support/sql-report.ts';

const CLINICS = ['lab', 'xray', 'ecg', 'audio'] as const;
const PATIENTS = 300;
const OPERATIONS = 4000;
const WORKERS = 50;
const DAY = '2034-01-01';
const DAY_END = '2034-01-01T21:00:00Z';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

interface Operation {
  readonly name: string;
  readonly args: Record<string, unknown>;
  /** True: the clinic's PIN of the moment is sent along. */
  readonly rightPin?: boolean;
}

function randomOperation(random: Random, index: number): Operation {
  const clinic = random.pick(CLINICS);
  const user = `patient-${random.below(PATIENTS)}`;
  const visit = { clinic, user, day: DAY, day_end: DAY_END };
  const priority = random.chance(0.1) ? { priority: random.below(3) } : {};
  const capacity = random.chance(0.3) ? { capacity: 1 + random.below(4) } : {};
  const enter = { name: 'enter_queue', args: { ...visit, ...priority } };
  const call = { name: 'call_next_patient', args: { clinic, day: DAY, ...capacity } };
  const leave = (args: object, rightPin = false) => ({
    name: 'complete_patient_service',
    args: { ...visit, auto_route: random.chance(0.5), ...args },
    rightPin,
  });
  const first = random.below(CLINICS.length);
  const stations = [...CLINICS.slice(first), ...CLINICS.slice(0, first)].slice(random.below(3));
  return random.pick<Operation>([
    enter,
    enter,
    call,
    call,
    leave({ only_called: true }),
    leave({}, true),
    leave({ pin: 'no' }),
    { name: 'check_in_patient', args: visit },
    {
      name: 'create_route',
      args: {
        route_id: `r-${index}`,
        user,
        day: DAY,
        dynamic: random.chance(0.5),
        stations: stations.map((id) => ({ id })),
      },
    },
    random.chance(0.1)
      ? { name: 'generate_daily_pins', args: { day: DAY, day_end: DAY_END, rotate: true, clinic } }
      : { name: 'get_current_pins', args: { day: DAY, day_end: DAY_END } },
  ]);
}

async function run({ name, args, rightPin }: Operation): Promise<Answer> {
  if (rightPin !== true) return db.call(name, args);
  const [row] = await db.rows<{ pin: string }>(
    'select pin from pins where service_day = $1 and clinic_code = $2 and is_active',
    [DAY, args.clinic],
  );
  return db.call(name, { ...args, pin: row?.pin ?? 'none yet' });
}

/** The changes of lines in an operation's answer; one with automatic routing changes two. */
function lineChanges({ name, args }: Operation, answer: Answer): LineChange[] {
  const change = (kind: LineChange['kind'], of: Answer, priority = 0): LineChange => ({
    kind,
    answer: of,
    priority,
    capacity: args.capacity as number | undefined,
  });
  if (name === 'enter_queue') {
    return answer.entry_status === 'ENTERED' ? [change('enter', answer, Number(args.priority ?? 0))] : [];
  }
  if (name === 'call_next_patient') return [change('call', answer)];
  if (name !== 'complete_patient_service' || !answer.ok || answer.repeated === true) return [];
  const next = answer.next_entry as Answer | null;
  return [change('complete', answer), ...(next?.entry_status === 'ENTERED' ? [change('enter', next)] : [])];
}

interface StoredLine {
  readonly clinic: string;
  readonly entries: number;
  readonly last: number;
  readonly counter: number;
  readonly completed: number;
  readonly calls: number;
  readonly check_ins: number;
}

async function storedLines(): Promise<StoredLine[]> {
  return db.rows<StoredLine>(`
    select q.clinic_code as clinic, count(*)::int as entries, max(q.queue_number) as last, min(c.last_number) as counter,
      (count(*) filter (where q.status = 'COMPLETED'))::int as completed, sum(q.call_count)::int as calls,
      count(q.started_at)::int as check_ins
    from queues q join queue_counters c using (clinic_code, service_day) group by 1 order by 1`);
}

async function eventsByClinic(): Promise<Record<string, Record<string, number>>> {
  const rows = await db.rows<{ clinic_code: string; event_type: string; events: number }>(
    `select clinic_code, event_type, count(*)::int as events from events
     where clinic_code is not null and event_type <> 'PIN_ROTATED' group by 1, 2`,
  );
  const byClinic: Record<string, Record<string, number>> = {};
  for (const { clinic_code, event_type, events } of rows) {
    byClinic[clinic_code] = { ...byClinic[clinic_code], [event_type]: events };
  }
  return byClinic;
}

/** Routes whose own fields contradict each other, or the entries. */
async function contradictoryRoutes(): Promise<object[]> {
  return db.rows(`
    with station as (
      select r.id, r.patient_id, r.current_clinic, r.completed_clinics, r.status as route_status,
        s.value ->> 'clinic' as clinic, s.value ->> 'status' as status, s.ordinality as place
      from routes r, jsonb_array_elements(r.clinics) with ordinality as s
    ), seen as (
      select id, route_status, current_clinic, completed_clinics,
        (array_agg(clinic order by place) filter (where status <> 'completed'))[1] as first_open,
        array_agg(clinic order by place) filter (where status = 'ready') as ready,
        coalesce(jsonb_agg(clinic order by place) filter (where status = 'completed'), '[]') as completed,
        bool_or(status = 'completed' and not exists (
          select 1 from queues q
          where q.patient_id = station.patient_id and q.clinic_code = clinic and q.status = 'COMPLETED')) as invented
      from station group by 1, 2, 3, 4
    )
    select * from seen
    where invented or completed <> completed_clinics or current_clinic is distinct from first_open
      or ready is distinct from (case when first_open is not null then array[first_open] end)
      or route_status <> (case when first_open is null then 'completed' else 'active' end)`);
}

it('leaves what one caller at a time would have left, after thousands of random operations at once', async () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  report('random operations at once over one day, every invariant holds', OPERATIONS, seed);
  const operations = oneTo(OPERATIONS).map((index) => randomOperation(random, index));

  const errors: string[] = [];
  const changes: LineChange[] = [];
  let next = 0;
  await atOnce(WORKERS, async () => {
    for (let at = next++; at < operations.length; at = next++) {
      const operation = operations[at] as Operation;
      try {
        changes.push(...lineChanges(operation, await run(operation)));
      } catch (error) {
        errors.push(`${operation.name}: ${String(error)}`);
      }
    }
  });
  expect(tally(errors)).toEqual({});

  for (const clinic of CLINICS) {
    const line = new LineModel();
    const history = changes
      .filter(({ answer }) => answer.clinic === clinic)
      .sort((a, b) => a.answer.version - b.answer.version || Number(b.answer.ok) - Number(a.answer.ok));
    expect(history.map(LineModel.observed)).toEqual(history.map((change) => line.expected(change)));
  }

  const events = await eventsByClinic();
  for (const { clinic, entries, last, counter, calls, completed, check_ins } of await storedLines()) {
    expect({ clinic, last, counter }).toEqual({ clinic, last: entries, counter: entries });
    // Each effect with its event, and one CACHE_INVALIDATED each; check-in has no event of its own.
    expect(events[clinic]).toEqual({
      ENTERED: entries,
      CALLED: calls,
      COMPLETED: completed,
      CACHE_INVALIDATED: entries + calls + completed + check_ins,
    });
  }
  expect(await contradictoryRoutes()).toEqual([]);
});
