import { describe, expect, it } from 'vitest';
import { createLimit } from '../../src/concurrency/limit.ts';
import { inParallel } from '../../src/controller/in_parallel.ts';

describe('inParallel', () => {
  it('never runs more at once than the limit, whoever brings the work', async () => {
    const limit = createLimit(3);
    let running = 0;
    let most = 0;
    const work = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
    };
    const items = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all([inParallel(items, limit, work), inParallel(items, limit, work)]);
    expect(most).toBe(3);
    expect(running).toBe(0);
  });

  it('tells what was done and what went wrong, and goes on after a failure', async () => {
    const { done, errors } = await inParallel([1, 2, 3, 4], createLimit(1), async (item) => {
      if (item % 2 === 0) throw new Error(`no ${item}`);
    });
    expect(done).toEqual([1, 3]);
    expect(errors.map(String)).toEqual(['Error: no 2', 'Error: no 4']);
  });
});
