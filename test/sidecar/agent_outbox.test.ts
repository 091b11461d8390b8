import { expect, it } from 'vitest';
import type { RunnerStatusRequest } from '../../src/protocol/runner.ts';
import { createOutbox } from '../../src/sidecar/agent_outbox.ts';
import type { Answer } from '../../src/sidecar/call_once.ts';

function answer(status: number, code = 'x'): Answer {
  const body = Buffer.from(JSON.stringify({ code, detail: code, status }));
  return { status, contentType: 'application/json', body, retryAfter: undefined };
}

/** An outbox whose deliveries take these answers one after the other; undefined for none at all. */
function scripted(...answers: (Answer | undefined)[]) {
  const delivered: string[] = [];
  const pauses: number[] = [];
  const outbox = createOutbox({
    async deliver(said: RunnerStatusRequest) {
      delivered.push(said.state);
      await Promise.resolve();
      const next = answers.shift();
      if (next === undefined) throw new Error('no answer');
      return next;
    },
    async pause(ms) {
      pauses.push(ms);
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  });
  return { outbox, delivered, pauses };
}

it('says a report again until the api has decided, with growing pauses', async () => {
  const { outbox, delivered, pauses } = scripted(
    undefined,
    answer(503),
    answer(401),
    answer(429),
    answer(409, 'stale-write'),
    answer(200),
  );
  expect((await outbox.put({ state: 'Busy' }, 5000)).status).toBe(200);
  expect(delivered).toHaveLength(6);
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000]);
});

it('takes a refusal of what was said for a decision', async () => {
  const { outbox, delivered } = scripted(answer(409, 'illegal-transition'), answer(200));
  expect((await outbox.put({ state: 'Idle' }, 5000)).status).toBe(409);
  expect((await outbox.put({ state: 'Busy' }, 5000)).status).toBe(200);
  expect(delivered).toEqual(['Idle', 'Busy']);
});

it('keeps the order, and delivers what is said twice once', async () => {
  const { outbox, delivered } = scripted(undefined, answer(200), answer(200), answer(200));
  const all = (['Idle', 'Busy', 'Idle', 'Terminated'] as const).map((state) => outbox.put({ state }, 5000));
  expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(delivered).toEqual(['Idle', 'Idle', 'Busy', 'Terminated']);
});

it('answers in time with the api’s last word, or unavailable, and keeps the report', async () => {
  const answers: (Answer | undefined)[] = Array.from({ length: 50 }, () => answer(401));
  const { outbox, delivered } = scripted(...answers, answer(200));
  expect((await outbox.put({ state: 'Busy' }, 20)).status).toBe(401);
  await expect.poll(() => delivered.length, { timeout: 5000 }).toBe(51);
  const silent = scripted();
  await expect(silent.outbox.put({ state: 'Busy' }, 20)).rejects.toMatchObject({ code: 'unavailable' });
  silent.outbox.end(answer(401));
});

it('has room for so many, and answers all alike when it ends', async () => {
  const { outbox, delivered } = scripted();
  const waiting = Array.from({ length: 16 }, (_, index) =>
    outbox.put({ state: 'Idle', message: String(index) }, 5000),
  );
  await expect(outbox.put({ state: 'Busy' }, 5000)).rejects.toMatchObject({ status: 429 });
  outbox.end(answer(401));
  expect((await Promise.all(waiting)).every(({ status }) => status === 401)).toBe(true);
  expect((await outbox.put({ state: 'Busy' }, 5000)).status).toBe(401);
  const before = delivered.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(delivered.length).toBe(before);
});
