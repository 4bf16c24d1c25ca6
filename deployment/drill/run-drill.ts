// The drill: a committee day through the front while the targets change under it, one dies, and a bad one knocks.
import { CLINIC_IDS } from '../../demo/clinics.ts';
import { type DayResult, runCommitteeDay } from '../../demo/committee-day.ts';
import { judge, type Verdict } from '../../demo/invariants.ts';
import { Ledger } from '../../demo/ledger.ts';
import { type SwitchResult, switchTarget } from '../active-target.ts';
import { runSmoke } from '../smoke/run-smoke.ts';
import type { Target } from '../targets.ts';
import { type AnswerCounts, watchAnswers } from './answer-counts.ts';
import { rollBackBadVersion } from './bad-version.ts';
import { costOfKill, faultsOf, sentUnder } from './cost-of-kill.ts';
import { type DrillStage, type DrillStageOptions, openDrillStage } from './drill-stage.ts';
import { type EventListener, listenForEvents } from './event-listener.ts';
import { useYoungConnections } from './young-connections.ts';

export interface DrillOptions extends DrillStageOptions {
  readonly patients: number;
  /** Milliseconds within which they arrive. */
  readonly windowMs: number;
  readonly seed: number;
  readonly onStep?: (step: string) => void;
}

export interface DrillReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly patients: number;
  readonly requests: number;
  readonly switches: readonly SwitchResult[];
  /**
   * Milliseconds from the death of the active target until a read, and until a switch away from it, succeeded; and how
   * many requests were under way when it died.
   */
  readonly kill: { readonly firstAnswer: number; readonly switched: number; readonly underWay: number };
  /** The bad version: what became of a switch to it, and how long the rollback to the one before it took. */
  readonly badVersion: { readonly outcome: SwitchResult['outcome']; readonly rolledBackMs: number };
  readonly phases: Readonly<Record<string, AnswerCounts>>;
  readonly streams: { readonly open: number; readonly events: number; readonly reconnects: number };
  readonly verdicts: readonly Verdict[];
}

/** The one that has every stream, and dies at the end; and from it to all others and back. */
const FIRST = 'cloudflare';
const ROUND: readonly Target[] = ['supabase', 'vercel', 'node', 'vercel', 'supabase', 'cloudflare'];

/** Milliseconds between two switches: for requests to be under way everywhere. */
const BETWEEN_MS = 700;
/** Milliseconds for all streams to open. */
const CONNECT_MS = 30_000;
/** Milliseconds for the last events to arrive. */
const LAST_EVENTS_MS = 15_000;

/** How often a switch away from the dead target is tried again. */
const MORE_TRIES = 10;

/** Milliseconds that a rollback may take. */
const ROLLBACK_MS = 10_000;

const PLANNED = 'planned switches';
const UNDER_WAY = 'under way at the hard kill';
const HARD_KILL = 'after the hard kill';
const AFTERWARDS = 'afterwards';

/** Runs it, and judges. Rejects only when the stage could not be set. */
export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const { patients, windowMs, seed, onStep = () => {} } = options;
  const stage = await openDrillStage(options);
  const { publicUrl, database } = stage;
  const useOldConnections = useYoungConnections();
  const watch = watchAnswers(publicUrl);
  watch.phase('before');
  const { targets } = stage;
  const change = (to: Target) =>
    switchTarget({ to, targets, database, publicUrl, otherCommit: true, smoke: smokeOf });
  const listeners: { clinic: string; listener: EventListener }[] = [];
  const interrupt = new AbortController();
  let day: Promise<DayResult> | undefined;
  try {
    const first = await change(FIRST);
    for (let index = 0; index < patients; index += 1) {
      const clinic = CLINIC_IDS[index % CLINIC_IDS.length] ?? 'lab';
      const listener = listenForEvents(`${publicUrl}/api/v1/events/stream?clinic=${clinic}`);
      listeners.push({ clinic, listener });
    }
    await allConnected(listeners);
    onStep(`${listeners.length} streams open`);
    const ledger = new Ledger();
    day = runCommitteeDay(
      { url: publicUrl, admin: stage.admin, patients, seed, windowMs },
      ledger,
      interrupt.signal,
    );
    // Awaited at the end: until then a failure of its must not end the process.
    day.catch(() => undefined);

    watch.phase(PLANNED);
    const switches: SwitchResult[] = [first];
    for (const to of ROUND) {
      await pause(BETWEEN_MS);
      const result = await change(to);
      switches.push(result);
      onStep(
        `${result.from} → ${to}: ${result.outcome}, seen after ${result.milliseconds.seen} ms${result.problem ? `: ${result.problem}` : ''}`,
      );
    }
    const bad = await stage.deployBadVersion();
    const refused = await change('supabase');
    onStep(
      `a bad version of supabase: ${refused.outcome} after ${refused.milliseconds.total} ms: ${refused.problem}`,
    );
    const back = await rollBackBadVersion({
      ...bad,
      smoke: (url, commit) => smokeOf(url, { target: bad.target.name, commit }),
    });
    onStep(`the version before it: ${back.problem ?? 'serves again'} after ${back.milliseconds} ms`);

    const killedAt = performance.now();
    // What is sent while it is dying is under way too: a busy machine takes its time to kill.
    watch.phase(UNDER_WAY);
    watch.setAside(UNDER_WAY);
    await stage.kill(FIRST);
    watch.phase(HARD_KILL);
    while (!(await fetch(`${publicUrl}/api/v1/stats/queues`).catch(() => undefined))?.ok) await pause(20);
    const firstAnswer = Math.round(performance.now() - killedAt);
    // Everybody who was on the dead one arrives at once: the next target may need a moment, as would whoever switches.
    let away = await change('node');
    for (let again = 0; !away.ok && again < MORE_TRIES; again += 1) {
      await pause(1_000);
      away = await change('node');
    }
    switches.push(away);
    const switched = Math.round(performance.now() - killedAt);
    onStep(
      `cloudflare killed: reads again after ${firstAnswer} ms, ${away.outcome} to node after ${switched} ms`,
    );
    watch.phase(AFTERWARDS);

    const { before, after } = await day;
    const lost =
      (ledger.trials.get('requests sent again after a broken connection') ?? 0) +
      (ledger.trials.get('waits because of Retry-After') ?? 0);
    const gaps = await gapsOf(listeners, stage);
    const verdicts: Verdict[] = [
      ...judge(
        {
          patients: ledger.patients,
          visits: ledger.visits,
          calls: ledger.calls,
          emptyCalls: ledger.emptyCalls,
          breaches: ledger.breaches,
          unknownCalls: ledger.callsOfUnknownOutcome,
          unknownEnters: lost,
          before,
          after,
          othersMayCome: false,
        },
        ledger.requests,
      ),
      verdictOf(
        'every switch arrived',
        switches.filter(({ ok }) => !ok).map(({ to, problem }) => `${to}: ${problem}`),
      ),
      verdictOf('the bad version got nobody, and the one before it was back in time', [
        ...(refused.outcome === 'refused' ? [] : [`the switch to it: ${refused.outcome}`]),
        ...(back.problem === undefined ? [] : [back.problem]),
        ...(back.milliseconds < ROLLBACK_MS ? [] : [`back after ${back.milliseconds} ms`]),
      ]),
      verdictOf('no error in planned switches', faultsOf(watch.phases.get(PLANNED))),
      costOfKill(watch.phases.get(UNDER_WAY), watch.phases.get(HARD_KILL)),
      verdictOf(
        'no error after the switch away from the dead target',
        faultsOf(watch.phases.get(AFTERWARDS)),
      ),
      verdictOf(
        'every stream heard every event of its clinic once and in order, as the database has them',
        gaps,
      ),
    ];
    return {
      ok: verdicts.every(({ held }) => held === true),
      seed,
      patients,
      requests: ledger.requests,
      switches,
      kill: { firstAnswer, switched, underWay: sentUnder(watch.phases.get(UNDER_WAY)) },
      badVersion: { outcome: refused.outcome, rolledBackMs: back.milliseconds },
      phases: Object.fromEntries(watch.phases),
      streams: {
        open: listeners.length,
        events: listeners.reduce((sum, { listener }) => sum + listener.heard.length, 0),
        reconnects: listeners.reduce((sum, { listener }) => sum + listener.reconnects(), 0),
      },
      verdicts,
    };
  } finally {
    interrupt.abort();
    await day?.catch(() => undefined);
    for (const { listener } of listeners) listener.close();
    watch.close();
    await useOldConnections();
    await stage.close();
  }
}

async function allConnected(listeners: readonly { readonly listener: EventListener }[]): Promise<void> {
  const late = Symbol('late');
  const all = Promise.all(listeners.map(({ listener }) => listener.connected));
  if ((await Promise.race([all, pause(CONNECT_MS).then(() => late)])) === late) {
    throw new Error(`Not all ${listeners.length} streams were open after ${CONNECT_MS / 1000} s`);
  }
}

async function smokeOf(url: string, expect: { readonly target: Target; readonly commit: string }) {
  const { checks } = await runSmoke({ url, readOnly: true, expect });
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  return {
    ok: failed.length === 0,
    problem: failed.map(({ name, detail }) => `${name}: ${detail}`).join('; '),
  };
}

function verdictOf(title: string, findings: readonly string[]): Verdict {
  return { title, held: findings.length === 0, detail: '', findings };
}

/** Waits for the last events, then says which stream heard something else than the database has of its clinic. */
async function gapsOf(
  listeners: readonly { clinic: string; listener: EventListener }[],
  stage: Pick<DrillStage, 'events'>,
): Promise<string[]> {
  const deadline = performance.now() + LAST_EVENTS_MS;
  for (;;) {
    const events = await stage.events();
    const findings = listeners.flatMap(({ clinic, listener }) =>
      differenceOf(clinic, listener.heard, events.get(clinic) ?? []),
    );
    if (findings.length === 0 || performance.now() > deadline) return findings;
    await pause(200);
  }
}

function differenceOf(clinic: string, heard: readonly string[], events: readonly string[]): string[] {
  if (heard.length === events.length && heard.every((id, index) => id === events[index])) return [];
  const once = new Set(heard);
  const lacking = events.filter((id) => !once.has(id)).length;
  if (lacking > 0) return [`${clinic}: a stream lacks ${lacking} of ${events.length} events`];
  const twice = heard.length - once.size;
  return [`${clinic}: a stream has ${twice > 0 ? `${twice} events twice` : 'events in another order'}`];
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
