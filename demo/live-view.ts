// The day while it happens: a table that redraws itself in a terminal, one line every few seconds anywhere else.

import { CLINIC_IDS } from './clinics.ts';
import type { Ledger } from './ledger.ts';
import { bar, createPaint, rewind, table } from './terminal.ts';

const REDRAW_MS = 250;
const LINE_MS = 5000;
const RATE_OVER_MS = 3000;
const BAR_WIDTH = 30;

interface Numbers {
  readonly waiting: number;
  readonly inService: number;
  readonly done: number;
  readonly stations: number;
  readonly finished: number;
  readonly elapsedSeconds: number;
  readonly problems: number;
}

function numbersOf(ledger: Ledger): Numbers {
  const tallies = CLINIC_IDS.map((clinic) => ledger.tally(clinic));
  return {
    waiting: tallies.reduce((sum, tally) => sum + tally.waiting, 0),
    inService: tallies.reduce((sum, tally) => sum + tally.inService, 0),
    done: tallies.reduce((sum, tally) => sum + tally.done, 0),
    stations: ledger.patients.reduce((sum, patient) => sum + patient.stations, 0),
    finished: ledger.patients.filter((patient) => patient.finished).length,
    elapsedSeconds: (performance.now() - ledger.startedAt) / 1000,
    problems: [...ledger.breaches.values()].reduce((sum, breach) => sum + breach.count, 0),
  };
}

/** Counts requests per second over the last moments. */
function createMeter(ledger: Ledger): () => number {
  const samples = [{ at: ledger.startedAt, requests: 0 }];
  return () => {
    const now = { at: performance.now(), requests: ledger.requests };
    samples.push(now);
    while (samples.length > 2 && now.at - (samples[1]?.at ?? now.at) > RATE_OVER_MS) samples.shift();
    const first = samples[0] ?? now;
    return now.at > first.at ? ((now.requests - first.requests) * 1000) / (now.at - first.at) : 0;
  };
}

function startLines(ledger: Ledger, out: NodeJS.WritableStream): () => void {
  const rate = createMeter(ledger);
  const write = (): void => {
    const now = numbersOf(ledger);
    out.write(
      `${now.elapsedSeconds.toFixed(0).padStart(4)} s  finished ${now.finished}/${ledger.patients.length}` +
        `  stations ${now.done}/${now.stations}  waiting ${now.waiting}  in service ${now.inService}` +
        `  ${rate().toFixed(0)} requests/s${now.problems > 0 ? `  problems ${now.problems}` : ''}\n`,
    );
  };
  const timer = setInterval(write, LINE_MS);
  return () => clearInterval(timer);
}

function startTable(ledger: Ledger, out: NodeJS.WritableStream, colours: boolean): () => void {
  const rate = createMeter(ledger);
  const paint = createPaint(colours);
  let drawn = 0;
  const draw = (): void => {
    const now = numbersOf(ledger);
    const [head = '', ...rows] = table([
      ['clinic', 'waiting', 'in service', 'done'],
      ...CLINIC_IDS.map((clinic) => {
        const tally = ledger.tally(clinic);
        return [clinic, String(tally.waiting), String(tally.inService), String(tally.done)];
      }),
    ]);
    const share = now.stations === 0 ? 0 : now.done / now.stations;
    const busy = CLINIC_IDS.map((clinic) => ledger.tally(clinic).waiting);
    const lines = [
      paint('dim', head),
      ...rows.map((row, index) => {
        const queue = Math.min(40, busy[index] ?? 0);
        return queue === 0 ? row : `${row}  ${paint(queue > 15 ? 'yellow' : 'cyan', '▪'.repeat(queue))}`;
      }),
      '',
      `${paint('green', bar(share, BAR_WIDTH))} ${(share * 100).toFixed(0)} %  stations ${now.done}/${now.stations}`,
      `finished ${paint('bold', `${now.finished}/${ledger.patients.length}`)}  waiting ${now.waiting}` +
        `  in service ${now.inService}  ${rate().toFixed(0)} requests/s  ${now.elapsedSeconds.toFixed(0)} s` +
        (now.problems > 0 ? `  ${paint('red', `problems ${now.problems}`)}` : ''),
    ];
    out.write(`${rewind(drawn)}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    draw();
  };
}

/** Shows the day until the returned function is called. */
export function startLiveView(
  ledger: Ledger,
  out: NodeJS.WritableStream,
  options: { readonly redraw: boolean; readonly colours: boolean },
): () => void {
  return options.redraw ? startTable(ledger, out, options.colours) : startLines(ledger, out);
}
