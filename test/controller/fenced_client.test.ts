import { describe, expect, it } from 'vitest';
import { fencedClient, LeadershipLost } from '../../src/controller/fenced_client.ts';
import type { KubeClient } from '../../src/kube/types.ts';

const WRITES = ['create', 'apply', 'applyStatus', 'replace', 'mergePatch', 'delete'] as const;
const READS = ['list', 'get', 'watch', 'close'] as const;

/** Answers every call with the name of the method, so that what came through is seen. */
const echo = new Proxy({} as KubeClient, { get: (_, method) => async () => method });

function call(client: KubeClient, method: (typeof WRITES | typeof READS)[number]): Promise<unknown> {
  return (client[method] as () => Promise<unknown>)();
}

describe('fencedClient', () => {
  it.each(WRITES)('lets %s through only while the lease is held', async (method) => {
    let held = true;
    const client = fencedClient(echo, { held: () => held });
    await expect(call(client, method)).resolves.toBe(method);
    held = false;
    await expect(call(client, method)).rejects.toBeInstanceOf(LeadershipLost);
  });

  it.each(READS)('never holds up %s', async (method) => {
    await expect(call(fencedClient(echo, { held: () => false }), method)).resolves.toBe(method);
  });
});
