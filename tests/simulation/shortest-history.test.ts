import { expect, it } from 'vitest';
import { shortestHistory } from './shortest-history.ts';

it('keeps what a failure needs, and nothing else', async () => {
  const history = Array.from({ length: 500 }, (_, index) => index);
  const needed = [17, 250, 251, 499];
  let plays = 0;
  const shortest = await shortestHistory(history, async (steps) => {
    plays += 1;
    return needed.every((step) => steps.includes(step));
  });
  expect(shortest).toEqual(needed);
  expect(plays).toBeLessThan(300);
});
