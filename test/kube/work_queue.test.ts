import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorkQueue } from '../../src/kube/work_queue.ts';
import { manualClock } from './manual_clock.ts';

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('work queue', () => {
  it('hands out a key once, however often it was added', async () => {
    const queue = createWorkQueue();
    queue.add('a');
    queue.add('b');
    queue.add('a');
    expect(queue.depth).toBe(2);
    expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
    expect(queue.depth).toBe(0);
  });

  it('gives a key added while held to no second worker before done', async () => {
    const queue = createWorkQueue();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    let second: string | undefined;
    const taking = queue.take().then((key) => {
      second = key;
    });
    await settle();
    expect(second).toBeUndefined();
    queue.done('a');
    await taking;
    expect(second).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('doubles the pause of each key by itself, from 5 ms up to 60 s, until forget', () => {
    const { clock } = manualClock();
    const queue = createWorkQueue({ clock });
    const pauses = Array.from({ length: 16 }, () => queue.addRateLimited('a'));
    expect(pauses.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(pauses.slice(-2)).toEqual([60_000, 60_000]);
    expect(queue.addRateLimited('b')).toBe(5);
    queue.forget('a');
    expect(queue.addRateLimited('a')).toBe(5);
  });

  it.each([
    ['the later wish first', [100, 50], 50],
    ['the earlier wish first', [50, 100], 50],
    ['one wish', [70], 70],
  ])('takes the earliest of several times: %s', (_name, wishes, at) => {
    const time = manualClock();
    const queue = createWorkQueue({ clock: time.clock });
    for (const ms of wishes) queue.addAfter('a', ms);
    expect(queue.delayed).toBe(1);
    time.turn(at - 1);
    expect(queue.depth).toBe(0);
    time.turn(1);
    expect(queue.depth).toBe(1);
    expect(queue.delayed).toBe(0);
  });

  it('adds at once what is to come after no time, a past time, or none that is a number', () => {
    const { clock } = manualClock();
    const queue = createWorkQueue({ clock });
    queue.addAfter('a', 0);
    queue.addAfter('b', -5);
    queue.addAfter('c', Number.NaN);
    expect(queue.depth).toBe(3);
  });

  it('on stop drops what waits, wakes idle workers and waits for the keys held', async () => {
    const time = manualClock();
    const queue = createWorkQueue({ clock: time.clock });
    queue.add('held');
    await queue.take();
    queue.addAfter('later', 10);
    const idle = queue.take();
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    expect(await idle).toBeUndefined();
    queue.add('late');
    time.turn(100);
    await settle();
    expect([stopped, queue.depth, queue.delayed, time.timers]).toEqual([false, 0, 0, 0]);
    queue.done('held');
    await stopping;
    expect(await queue.take()).toBeUndefined();
  });

  it('never gives one key to two workers, never loses a key, whatever comes in whichever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const play = players();
        for (const one of steps) {
          play(one);
          await settle();
        }
        // Work everything off: all that was wished for must come out.
        for (let round = 0; round < 50 && play.owed.size > 0; round++) {
          for (const one of [
            { do: 'turn', n: 60_000 },
            { do: 'done', n: 0 },
            { do: 'take', n: 0 },
          ] as const) {
            play(one);
            await settle();
          }
        }
        expect([...play.owed]).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

const step = fc.record({
  do: fc.constantFrom('add', 'after', 'retry', 'take', 'done', 'turn'),
  n: fc.nat(60),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Workers and wishers at one queue, moved step by step; `owed` are keys with a wish not yet followed by a hand-out. */
function players() {
  const time = manualClock();
  const queue = createWorkQueue({ clock: time.clock });
  const held: string[] = [];
  const owed = new Set<string>();
  const wish = (n: number) => {
    const key = `k${n % 5}`;
    owed.add(key);
    return key;
  };
  const moves: Record<Step['do'], (n: number) => void> = {
    add: (n) => queue.add(wish(n)),
    after: (n) => queue.addAfter(wish(n), n),
    retry: (n) => void queue.addRateLimited(wish(n)),
    take: () => {
      void queue.take().then((key) => {
        if (key === undefined) return;
        if (held.includes(key)) owed.add(`${key} was handed out twice`);
        held.push(key);
        owed.delete(key);
      });
    },
    done: (n) => {
      const [key] = held.splice(n % Math.max(1, held.length), 1);
      if (key !== undefined) queue.done(key);
    },
    turn: (n) => time.turn(n),
  };
  return Object.assign((one: Step) => moves[one.do](one.n), { owed });
}
