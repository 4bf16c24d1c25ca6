/** Plays histories on a system and on the model, step by step, until they disagree. */
import { seededRandom } from '../support/sql-random.ts';
import { CommitteeModel, type ModelOptions, type Outcome } from './committee-model.ts';
import { shortestHistory } from './shortest-history.ts';
import { type Repertoire, randomSteps, type Step } from './steps.ts';

export interface System {
  readonly repertoire: Repertoire;
  readonly model: ModelOptions;
  /** An empty database and an empty cache. */
  reset(): Promise<void>;
  /** Does a step at this moment and day; gives its outcome in the words of the model. */
  perform(step: Step, model: CommitteeModel): Promise<Outcome>;
  /** Everything that can be seen, to be compared with the same of the model. */
  observe(model: CommitteeModel): Promise<readonly string[]>;
  /** The same as the model expects it. */
  expected(model: CommitteeModel): readonly string[];
}

/** Every history begins here, two hours before a midnight in Qatar. */
export const START = new Date('2033-03-31T19:00:00.000Z');

/** Every kind of outcome that any system has: a history in which one never came would prove less than it says. */
export const OUTCOMES = [
  'ENTERED',
  'ALREADY_IN_QUEUE',
  'called',
  'NO_PATIENTS_WAITING',
  'left',
  'NOT_IN_QUEUE',
  'WRONG_PIN',
  'PIN_LOCKED',
  'done',
] as const;

/** Steps until the system is emptied and begins anew: about two simulated days. */
const EPISODE = 500;

interface Difference {
  /** How many steps were played, the last one included. */
  readonly steps: number;
  readonly what: string;
}

/**
 * Plays so many random steps, and says how often each kind of outcome came. Throws with the seed and the shortest
 * history when system and model disagree.
 */
export async function simulate(
  system: System,
  count: number,
  seed: number,
): Promise<ReadonlyMap<string, number>> {
  const random = seededRandom(seed);
  const outcomes = new Map<string, number>();
  for (let played = 0; played < count; played += EPISODE) {
    const length = Math.min(EPISODE, count - played);
    const steps = randomSteps(random, length, system.repertoire);
    const difference = await firstDifference(system, steps, outcomes);
    if (!difference) continue;
    const failing = steps.slice(0, difference.steps);
    const shortest = await shortestHistory(failing, async (shorter) =>
      Boolean(await firstDifference(system, shorter)),
    );
    const { what } = (await firstDifference(system, shortest)) ?? difference;
    throw new Error(
      `TEST_SEED=${seed}: after ${played + difference.steps} steps; the shortest history that shows it:\n` +
        `${shortest.map((step) => `  ${JSON.stringify(step)}`).join('\n')}\n${what}`,
    );
  }
  return outcomes;
}

async function firstDifference(
  system: System,
  steps: readonly Step[],
  outcomes = new Map<string, number>(),
): Promise<Difference | undefined> {
  await system.reset();
  const model = new CommitteeModel(START, system.model);
  for (const [index, step] of steps.entries()) {
    const [before, moment] = [model.day(), model.now];
    const expected = model.perform(step);
    const answered = await system.perform(step, model).catch((error: unknown) => `threw ${String(error)}`);
    const report = (what: string) => ({
      steps: index + 1,
      what: `at ${moment.toISOString()}, service day ${before}:\n${what}`,
    });
    const kind = expected.split(' ', 1)[0] ?? '';
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
    if (answered !== expected) return report(`  answered ${answered}\n  expected ${expected}`);
    const [seen, right] = [await system.observe(model), system.expected(model)];
    const wrong = without(seen, right).map((row) => `  seen     ${row}`);
    const missing = without(right, seen).map((row) => `  expected ${row}`);
    if (wrong.length + missing.length > 0) return report([...wrong, ...missing].join('\n'));
  }
  return undefined;
}

/** What is among `rows` more often than among `others`. */
function without(rows: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const row of others) left.set(row, (left.get(row) ?? 0) + 1);
  return rows.filter((row) => {
    const count = left.get(row) ?? 0;
    left.set(row, count - 1);
    return count <= 0;
  });
}
