import { setTimeout as sleep } from 'node:timers/promises';

/** A busy api answers 503, as it should; whoever asks comes again. */
export async function patiently(ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    if (answer.status !== 503 || tries === 20) return answer;
    await answer.body?.cancel();
    await sleep(1_000);
  }
}
