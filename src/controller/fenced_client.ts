import type { KubeClient } from '../kube/types.ts';

/** This process leads no longer: whoever does must not meet its writes. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
  constructor() {
    super('not the leader any longer: nothing was written');
  }
}

/**
 * The client with every write behind the question whether the Lease is still held. An election by Lease is not
 * fencing (client-go says so of its own): what is left of the race, names, UIDs and resourceVersions settle.
 */
export function fencedClient(client: KubeClient, lease: { held(): boolean }): KubeClient {
  function fence(): void {
    if (!lease.held()) throw new LeadershipLost();
  }
  return {
    list: (...args) => client.list(...args),
    get: (...args) => client.get(...args),
    podLog: (...args) => client.podLog(...args),
    watch: (...args) => client.watch(...args),
    review: (...args) => client.review(...args),
    close: () => client.close(),
    async create(...args) {
      fence();
      return await client.create(...args);
    },
    async apply(...args) {
      fence();
      return await client.apply(...args);
    },
    async applyStatus(...args) {
      fence();
      return await client.applyStatus(...args);
    },
    async replace(...args) {
      fence();
      return await client.replace(...args);
    },
    async mergePatch(...args) {
      fence();
      return await client.mergePatch(...args);
    },
    async delete(...args) {
      fence();
      return await client.delete(...args);
    },
  };
}
