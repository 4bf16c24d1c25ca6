// The drill: a committee day through the front while the targets change under it, one dies, and a bad one knocks.
import { CLINIC_IDS } from '../../demo/clinics.ts';
import { runCommitteeDay } from '../../demo/committee-day.ts';
import { judge, type Verdict } from '../../demo/invariants.ts';
import { Ledger } from '../../demo/ledger.ts';
import { type SwitchResult, switchTarget } from '../active-target.ts';
import { runSmoke } from '../smoke/run-smoke.ts';
import type { DeployedTarget, Target } from '../targets.ts';
import { type AnswerCounts, watchAnswers } from './answer-counts.ts';
import { type DrillStageOptions, openDrillStage } from './drill-stage.ts';
import { type EventListener, listenForEvents } from './event-listener.ts';

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
  /** Milliseconds from the death of the active target until a read, and until a switch away from it, succeeded. */
  readonly kill: { readonly firstAnswer: number; readonly switched: number };
  /** The bad version: what became of it, and how long that took. */
  readonly badVersion: { readonly outcome: SwitchResult['outcome']; readonly milliseconds: number };
  readonly phases: Readonly<Record<string, AnswerCounts>>;
  readonly streams: { readonly open: number; readonly events: number; readonly reconnects: number };
  readonly verdicts: readonly Verdict[];
}

/** The one that has every stream, and dies at the end; and from it to all others and back. */
const FIRST = 'cloudflare';
const ROUND: readonly Target[] = ['supabase', 'vercel', 'node', 'vercel', 'supabase', 'cloudflare'];

/** Milliseconds between two switches: for requests to be under way everywhere. */
const BETWEEN_MS = 700;
/** Milliseconds for the last events to arrive. */
const LAST_EVENTS_MS = 15_000;

/** All targets and their clients share this machine: a Redis that is late is no reason against one of them here. */
const REDIS_IS_SLOW = 'status is degraded, not healthy';

/** How often a switch away from the dead target is tried again. */
const MORE_TRIES = 10;

const PLANNED = 'planned switches';
const HARD_KILL = 'hard kill';
const AFTERWARDS = 'afterwards';

/** Runs it, and judges. Rejects only when the stage could not be set. */
export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const { patients, windowMs, seed, onStep = () => {} } = options;
  const stage = await openDrillStage(options);
  const { publicUrl, database } = stage;
  const watch = watchAnswers(publicUrl);
  watch.phase('before');
  const change = (to: Target, targets: readonly DeployedTarget[] = stage.targets) =>
    switchTarget({ to, targets, database, publicUrl, otherCommit: true, smoke: smokeOf });
  const listeners: { clinic: string; listener: EventListener }[] = [];
  try {
    const first = await change(FIRST);
    for (let index = 0; index < patients; index += 1) {
      const clinic = CLINIC_IDS[index % CLINIC_IDS.length] ?? 'lab';
      const listener = listenForEvents(`${publicUrl}/api/v1/events/stream?clinic=${clinic}`);
      listeners.push({ clinic, listener });
    }
    await Promise.all(listeners.map(({ listener }) => listener.connected));
    onStep(`${listeners.length} streams open`);
    const ledger = new Ledger();
    const interrupt = new AbortController();
    const day = runCommitteeDay(
      { url: publicUrl, admin: stage.admin, patients, seed, windowMs },
      ledger,
      interrupt.signal,
    );

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
    const bad = await stage.startBadVersion();
    const others = stage.targets.filter(({ name }) => name !== bad.name);
    const refused = await change('supabase', [...others, bad]);
    onStep(
      `a bad version of supabase: ${refused.outcome} after ${refused.milliseconds.total} ms: ${refused.problem}`,
    );

    watch.phase(HARD_KILL);
    const killedAt = performance.now();
    await stage.kill(FIRST);
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
    const gaps = await gapsOf(listeners);
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
      verdictOf('every switch arrived, and the bad version got nobody', [
        ...switches.filter(({ ok }) => !ok).map(({ to, problem }) => `${to}: ${problem}`),
        ...(refused.outcome === 'refused' ? [] : [`the bad version: ${refused.outcome}`]),
      ]),
      verdictOf('no error in planned switches', faultsOf(watch.phases.get(PLANNED))),
      verdictOf(
        'no error after the switch away from the dead target',
        faultsOf(watch.phases.get(AFTERWARDS)),
      ),
      verdictOf('every stream heard every event of its clinic once', gaps),
    ];
    return {
      ok: verdicts.every(({ held }) => held === true),
      seed,
      patients,
      requests: ledger.requests,
      switches,
      kill: { firstAnswer, switched },
      badVersion: { outcome: refused.outcome, milliseconds: refused.milliseconds.total },
      phases: Object.fromEntries(watch.phases),
      streams: {
        open: listeners.length,
        events: listeners.reduce((sum, { listener }) => sum + listener.heard.length, 0),
        reconnects: listeners.reduce((sum, { listener }) => sum + listener.reconnects(), 0),
      },
      verdicts,
    };
  } finally {
    for (const { listener } of listeners) listener.close();
    watch.close();
    await stage.close();
  }
}

async function smokeOf(url: string, expect: { readonly target: Target; readonly commit: string }) {
  const { checks } = await runSmoke({ url, readOnly: true, expect });
  const failed = checks.filter(({ outcome, detail }) => outcome === 'failed' && detail !== REDIS_IS_SLOW);
  return {
    ok: failed.length === 0,
    problem: failed.map(({ name, detail }) => `${name}: ${detail}`).join('; '),
  };
}

function verdictOf(title: string, findings: readonly string[]): Verdict {
  return { title, held: findings.length === 0, detail: '', findings };
}

function faultsOf(counts: AnswerCounts | undefined): string[] {
  if (!counts) return ['nothing was asked'];
  const errors = Object.entries(counts.kinds).map(([kind, times]) => `${times} times ${kind}`);
  return counts.broken === 0 ? errors : [...errors, `${counts.broken} broken connections`];
}

/** Waits for the last events, then says which stream lacks one that another of its clinic has, or has one twice. */
async function gapsOf(listeners: readonly { clinic: string; listener: EventListener }[]): Promise<string[]> {
  const deadline = performance.now() + LAST_EVENTS_MS;
  for (;;) {
    const findings = [...new Set(listeners.map(({ clinic }) => clinic))].flatMap((clinic) => {
      const all = listeners.filter((each) => each.clinic === clinic).map(({ listener }) => listener.heard);
      const events = new Set(all.flat()).size;
      return all.flatMap((heard) => {
        const known = new Set(heard).size;
        return [
          ...(known < events ? [`${clinic}: a stream lacks ${events - known} of ${events} events`] : []),
          ...(known < heard.length ? [`${clinic}: a stream has ${heard.length - known} events twice`] : []),
        ];
      });
    });
    if (findings.length === 0 || performance.now() > deadline) return findings;
    await pause(100);
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
