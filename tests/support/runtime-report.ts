/** What a run prints at its end: the contract suite on each runtime, with its cases, and whether the numbers agree. */
import { styleText } from 'node:util';
import type { Reporter, TestModule } from 'vitest/node';

interface Row {
  readonly runtime: string;
  cases: number;
  passed: number;
  skipped: number;
  /** Seconds of work, summed over the files. */
  seconds: number;
}

/** One row for each runtime; silent where the run had the contract suite on fewer than two. */
export default class RuntimeReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = new Map<string, Row>();
    for (const module of modules) {
      if (!/(^|\/)tests\/contract\//.test(module.relativeModuleId)) continue;
      const runtime = module.project.name.replace(/^contract on /, '');
      const row = rows.get(runtime) ?? { runtime, cases: 0, passed: 0, skipped: 0, seconds: 0 };
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        row.cases += 1;
        row.passed += Number(state === 'passed');
        row.skipped += Number(state === 'skipped');
      }
      row.seconds += module.diagnostic().duration / 1000;
      rows.set(runtime, row);
    }
    if (rows.size > 1) print([...rows.values()]);
  }
}

function print(rows: readonly Row[]): void {
  const cell = (value: string | number, width = 9) => String(value).padStart(width);
  const head = `${'runtime'.padEnd(24)}${['cases', 'passed', 'skipped', 'seconds'].map((text) => cell(text)).join('')}`;
  console.log(`\n${styleText('bold', 'The contract suite on every runtime')}\n${head}`);
  for (const { runtime, cases, passed, skipped, seconds } of rows) {
    const isRight = passed === cases;
    const numbers = [cases, passed, skipped, seconds.toFixed(0)].map((value) => cell(value)).join('');
    console.log(styleText(isRight ? 'green' : 'red', `${runtime.padEnd(24)}${numbers}`));
  }
  if (new Set(rows.map(({ cases }) => cases)).size > 1) {
    console.log(styleText('red', 'The runtimes did not run the same number of cases.'));
    process.exitCode = 1;
  }
}
