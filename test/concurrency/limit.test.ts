import { expect, test } from 'vitest';
import { createLimit } from '../../src/concurrency/limit.ts';

test('no more than so many are at work, and all have their turn', async () => {
  const limit = createLimit(4);
  let [open, most] = [0, 0];
  const done = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) =>
      limit(async () => {
        most = Math.max(most, ++open);
        await new Promise((go) => setImmediate(go));
        open--;
        if (i % 7 === 0) throw new Error('failed');
        return i;
      }),
    ),
  );
  expect({ most, open }).toEqual({ most: 4, open: 0 });
  expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(85);
});
