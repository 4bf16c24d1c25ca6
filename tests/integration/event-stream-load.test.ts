/** 200 clients of the event stream on the Node target, over real HTTP before a real Postgres, with a reconnect of all. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { request } from '../contract/http.ts';
import { CLINIC_IDS, QueueClient } from '../contract/queue-client.ts';
import { EventSourceClient, type ReceivedFrame } from '../support/event-source.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-process.ts';
import { until } from '../support/until.ts';

const PATIENTS = 120;
const CLINIC_SCREENS = 65;
const ADMINS = 15;

/** Their first station; the second one is never entered, so that the end of the first is told. */
const LAST_STATION = 'bones';
const CLINICS = CLINIC_IDS.filter((clinic) => clinic !== LAST_STATION);

// The horizon of the cursor is the whole server's: other tests' open transactions must not delay this one.
let postgres: PostgresServer;
let server: LocalServer;
let client: QueueClient;
let database: pg.Client;
beforeAll(async () => {
  postgres = await startPostgresServer({ durable: false });
  server = await startLocalServer({
    databaseUrl: postgres.adminUrl,
    environment: 'test',
    settings: { RATE_LIMITS: 'off' },
  });
  if (!server.admin) throw new Error('a new server makes an account');
  client = await QueueClient.open({
    url: server.url,
    admin: server.admin,
    jwtSecret: undefined,
    longPollSeconds: 0,
    close: async () => undefined,
  });
  database = new pg.Client({ connectionString: postgres.adminUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await server?.close();
  await postgres?.stop();
});

/** A client that reconnects when it is told to, as a browser does. */
class Screen {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #connections: EventSourceClient[] = [];
  /** When the present connection was ready: what was answered before it arrives late for a good reason. */
  connectedAt = 0;

  constructor(query: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = `${server.url}/api/v1/events/stream?${query}`;
    this.#headers = headers;
  }

  async connect(): Promise<void> {
    const { lastId } = this;
    this.#connections.at(-1)?.close();
    const headers = { ...this.#headers, ...(lastId !== undefined && { 'Last-Event-ID': lastId }) };
    const connection = await EventSourceClient.open(this.#url, headers);
    expect(connection.response.status).toBe(200);
    this.#connections.push(connection);
    await connection.atLeast(1, 'connected');
    this.connectedAt = performance.now();
  }

  get lastId(): string | undefined {
    return this.#connections.findLast(({ lastId }) => lastId !== undefined)?.lastId;
  }

  /** What each connection brought, by frames with an id. */
  get received(): readonly (readonly ReceivedFrame[])[] {
    return this.#connections.map(({ frames }) => frames.filter(({ id }) => id !== undefined));
  }

  get events(): readonly ReceivedFrame[] {
    return this.received.flat().filter(({ event }) => event !== 'queue_update');
  }

  get updates(): readonly ReceivedFrame[] {
    return this.received.flat().filter(({ event }) => event === 'queue_update');
  }

  close(): void {
    this.#connections.at(-1)?.close();
  }
}

/** Rises with each thing that a patient is told on the way through one clinic. */
const RANK = ['POSITION_UPDATE', 'ALMOST_READY', 'NEAR_TURN', 'NEXT_IN_LINE', 'YOUR_TURN', 'COMPLETED'];

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

describe('200 clients', () => {
  it('see every event of their subscription once and in order across a reconnect, p99 below 1 s', async () => {
    const { allPins, pins } = await client.pins();
    expect(allPins).toHaveLength(13);
    const people = Array.from({ length: PATIENTS }, (_, index) => ({
      user: `load-${index}`,
      clinic: String(CLINICS[index % CLINICS.length]),
    }));
    await Promise.all(people.map(({ user, clinic }) => client.route(user, [clinic, LAST_STATION])));
    const before = (await database.query('select coalesce(max(seq), 0) as seq from events')).rows[0].seq;

    const patients = people.map(({ user }) => new Screen(`user=${user}`));
    const clinicScreens = Array.from({ length: CLINIC_SCREENS }, (_, index) => {
      const clinic = String(CLINICS[index % CLINICS.length]);
      return { clinic, screen: new Screen(`clinic=${clinic}`) };
    });
    const authorization = { Authorization: `Bearer ${client.token}` };
    const admins = Array.from({ length: ADMINS }, () => new Screen('clinic=admin', authorization));
    const screens = [...patients, ...clinicScreens.map(({ screen }) => screen), ...admins];
    await Promise.all(screens.map((screen) => screen.connect()));

    // One writer a clinic, all at once; in the middle every client reconnects while they go on.
    const answeredAt = new Map<string, number>();
    const moves = PATIENTS * 3;
    let made = 0;
    let reconnected: Promise<unknown> | undefined;
    const reconnectsAt = new Map<Screen, number>();
    const moved = (type: string, clinic: string, number: unknown) => {
      answeredAt.set(`${type} ${clinic} ${number}`, performance.now());
      made += 1;
      if (made < moves / 2 || reconnected) return;
      reconnected = Promise.all(
        screens.map(async (screen) => {
          reconnectsAt.set(screen, performance.now());
          await screen.connect();
        }),
      );
    };
    const began = performance.now();
    await Promise.all(
      CLINICS.map(async (clinic) => {
        const own = people.filter((person) => person.clinic === clinic);
        for (const { user } of own) moved('ENTERED', clinic, (await client.enter(clinic, user)).number);
        for (const _ of own) {
          const call = await client.call(clinic);
          expect(call.status, call.text).toBe(200);
          const { user, number } = call.body;
          moved('CALLED', clinic, number);
          const json = { clinic, user, pin: pins[clinic]?.pin };
          const done = await request(server.url, 'POST', '/api/v1/queue/done', { json });
          expect(done.status, done.text).toBe(200);
          moved('COMPLETED', clinic, number);
        }
      }),
    );
    await reconnected;
    const took = performance.now() - began;

    const { rows: log } = await database.query<{ id: string; type: string; clinic: string | null }>(
      `select xid::text || '-' || seq as id, event_type as type, clinic_code as clinic from events
       where seq > $1 order by xid, seq`,
      [before],
    );
    const expectIds = async (screen: Screen, ids: readonly string[]) => {
      await until(
        'every event has arrived',
        () => screen.events.length,
        (count) => count >= ids.length,
      );
      expect(screen.events.map(({ id }) => id)).toEqual(ids);
    };
    for (const admin of admins)
      await expectIds(
        admin,
        log.map(({ id }) => id),
      );
    for (const { clinic, screen } of clinicScreens) {
      const shown = log.filter((event) => event.clinic === clinic && event.type !== 'CACHE_INVALIDATED');
      await expectIds(
        screen,
        shown.map(({ id }) => id),
      );
      expect(screen.updates).toEqual([]);
    }

    let overtaken = 0;
    for (const patient of patients) {
      const told = () => patient.updates.map(({ data }) => RANK.indexOf(String(data.subtype)));
      await until('the end is told', told, (ranks) => ranks.includes(RANK.indexOf('COMPLETED')));
      const ranks = told();
      expect(ranks).toEqual([...new Set(ranks)].sort());
      expect(ranks).not.toContain(-1);
      expect(patient.events).toEqual([]);
      if (ranks.includes(RANK.indexOf('YOUR_TURN'))) continue;
      // Called and completed while it was away: the present state is all it is told.
      expect(patient.received[1]?.[0]?.data.subtype).toBe('COMPLETED');
      overtaken += 1;
    }
    for (const screen of screens) {
      expect(screen.received.flat().filter(({ event }) => event === '')).toEqual([]);
    }

    // The delay of everything that was answered while its client was connected.
    const typeOf = (frame: ReceivedFrame) =>
      ({ YOUR_TURN: 'CALLED', COMPLETED: 'COMPLETED' })[String(frame.data.subtype)] ?? frame.event;
    const delays = screens.flatMap((screen) =>
      screen.received.flatMap((frames) =>
        frames.flatMap((frame) => {
          const answered = answeredAt.get(`${typeOf(frame)} ${frame.data.clinic} ${frame.data.number}`);
          if (answered === undefined) return [];
          const away = Number(reconnectsAt.get(screen));
          if (answered >= away - 1_000 && answered <= screen.connectedAt && frame.at > away) return [];
          return [Math.max(0, frame.at - answered)];
        }),
      ),
    );
    const sorted = delays.sort((a, b) => a - b);
    const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
    const deliveries = screens.reduce((sum, screen) => sum + screen.received.flat().length, 0);
    console.log(
      `${screens.length} clients (${PATIENTS} patients, ${CLINIC_SCREENS} clinics, ${ADMINS} admins), ${moves} moves in ` +
        `${Math.round(took)} ms, ${log.length} events, ${deliveries} deliveries, 1 reconnect each; delay of ` +
        `${sorted.length} live ones: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms; ${overtaken} calls overtaken`,
    );
    for (const screen of screens) screen.close();
    expect(screens).toHaveLength(200);
    expect(made).toBe(moves);
    expect(sorted.length).toBeGreaterThan(deliveries / 4);
    expect(p99).toBeLessThan(1_000);
  });
});
