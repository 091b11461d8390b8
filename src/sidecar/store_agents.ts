import type { Agent } from 'node:http';
import type { StoreAnswer } from '../protocol/cache.ts';
import { requesterOf } from './node_http.ts';
import { SOCKET_BUFFER } from './upstream.ts';

/** The authorities may be replaced while a job runs; in ms. */
const ASKED_EVERY = 10 * 60_000;

/** Kept connections to a store over TLS, with the authorities that the api names for it. */
export function createStoreAgents(ask: () => Promise<StoreAnswer>): {
  agent(): Promise<Agent>;
  close(): void;
} {
  let kept: { agent: Agent; ca: string | undefined } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  const learn = async () => {
    const { ca } = await ask();
    askedAt = performance.now();
    if (kept !== undefined && kept.ca === ca) return;
    const { Agent: HttpsAgent } = requesterOf('https:') as { Agent: new (options: object) => Agent };
    const keep = { keepAlive: true, maxSockets: 64, maxFreeSockets: 8, highWaterMark: SOCKET_BUFFER };
    // An earlier agent's requests go on to their end.
    kept = { agent: new HttpsAgent({ ...keep, ...(ca === undefined ? {} : { ca }) }), ca };
  };

  return {
    async agent() {
      if (performance.now() - askedAt > ASKED_EVERY || kept === undefined) {
        asking ??= learn().finally(() => {
          asking = undefined;
        });
        await asking;
      }
      if (kept === undefined) throw new Error('the api did not say how to reach the store');
      return kept.agent;
    },
    close: () => kept?.agent.destroy(),
  };
}
