import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { type Pulse, startPulse } from '../../src/runtime/pulse.ts';

let pulse: Pulse | undefined;
afterEach(() => pulse?.stop());
const log = pino({ level: 'silent' });

test('has heard nothing before the first answer, and hears no answer that came too late', async () => {
  let now = 0;
  const answers: (() => void)[] = [];
  const beat = () => new Promise<void>((resolve) => answers.push(resolve));
  pulse = startPulse({ beat, log, monotonic: () => now, everyMs: 60_000, freshMs: 1000 });
  expect(pulse.heard()).toBe(false);
  now = 400;
  answers[0]?.();
  await sleep(1);
  // Counted from the question: what the answer says is as old as that.
  expect(pulse.heard()).toBe(true);
  now = 999;
  expect(pulse.heard()).toBe(true);
  now = 1000;
  expect(pulse.heard()).toBe(false);
});

test('goes on asking while an answer is missing, and gives each question up in time', async () => {
  let asked = 0;
  let given = 0;
  const beat = (signal: AbortSignal) => {
    asked++;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        given++;
        reject(signal.reason);
      });
    });
  };
  pulse = startPulse({ beat, log, everyMs: 20, freshMs: 60 });
  await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(5);
  expect(pulse.heard()).toBe(false);
  expect(asked - given).toBeLessThan(8);
});

test('hears again when the answers come back', async () => {
  let answers = false;
  const beat = async () => {
    if (!answers) throw new Error('away');
  };
  pulse = startPulse({ beat, log, everyMs: 10, freshMs: 200 });
  await sleep(60);
  expect(pulse.heard()).toBe(false);
  answers = true;
  await expect.poll(() => pulse?.heard(), { interval: 5, timeout: 10_000 }).toBe(true);
});

test('tells of a gap before it says that it hears again, and of nothing else', async () => {
  let now = 0;
  let heardAtGap: boolean | undefined;
  const answers: (() => void)[] = [];
  const beat = () => new Promise<void>((resolve) => answers.push(resolve));
  const onGap = () => {
    heardAtGap = pulse?.heard();
  };
  pulse = startPulse({ beat, log, onGap, monotonic: () => now, everyMs: 5, freshMs: 1000 });
  const answerAll = async () => {
    await sleep(20);
    for (const answer of answers.splice(0)) answer();
    await sleep(1);
  };
  await answerAll();
  now = 900;
  await answerAll();
  expect(pulse.heard()).toBe(true);
  expect(heardAtGap).toBeUndefined();
  now = 2000;
  await sleep(20);
  answers.splice(0, answers.length - 1);
  await answerAll();
  expect(heardAtGap).toBe(false);
  expect(pulse.heard()).toBe(true);
});
