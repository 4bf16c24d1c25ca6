// `npm run build`: every target from one source, what it weighs, and a failure when it weighs too much.
import { fileURLToPath } from 'node:url';
import { buildAll } from './build.ts';
import { BUDGET, costTable, overBudget, sizeTable } from './sizes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const { commit, sizes, costs } = await buildAll({
  root,
  onWritten: ({ target, folders, files }) => {
    console.log(`${target.padEnd(10)}  ${folders.join(', ')}  (${files.size} files)`);
  },
});
console.log(`\nCommit ${commit}\n\n${sizeTable(sizes)}\n\n${costTable(costs)}`);

const heavy = overBudget(sizes).map(({ target }) => target);
if (heavy.length > 0) {
  console.error(`\nOver the budget of ${BUDGET / 1000} kB gzip: ${heavy.join(', ')}`);
  process.exitCode = 1;
}
