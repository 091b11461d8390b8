import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createForges } from '../../../src/controller/forge/forges.ts';
import { recordName, recordPrefix } from '../../../src/forges/record_name.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { ForgeInMemory } from './forge_in_memory.ts';
import { poolWithForge, secretOfForge } from './pool_with_forge.ts';

const client = { get: async () => secretOfForge } as unknown as Pick<KubeClient, 'get'>;

/** An adapter that lists what it likes, whatever prefix it was asked for. */
class CarelessForge extends ForgeInMemory {
  override open = (settings: Parameters<ForgeInMemory['open']>[0]) => {
    const careful = new ForgeInMemory().open(settings);
    return {
      ...careful,
      list: async () => [...this.records],
      remove: async (id: string) => {
        this.records = this.records.filter((one) => one.id !== id);
      },
    };
  };
}

const uid = fc.uuid();
const installation = fc.constantFrom('harrier', 'harrier-2', 'other');

it('removes records of this installation and this pool alone, by whatever name it is told to', async () => {
  await fc.assert(
    fc.asyncProperty(
      uid,
      fc.array(fc.tuple(installation, uid, fc.constantFrom('a', 'b', 'linux-x'))),
      fc.array(fc.constantFrom('a', 'b', 'linux-x')),
      fc.array(fc.string()),
      async (own, others, pods, strangers) => {
        const theirs = others
          .filter(([of, pool]) => recordPrefix(of, pool) !== recordPrefix('harrier', own))
          .map(([of, pool, pod]) => recordName(of, pool, pod));
        const ours = pods.map((pod) => recordName('harrier', own, pod));
        const names = [...theirs, ...strangers, ...ours];
        const forge = new CarelessForge();
        forge.records = names.map((name, index) => ({ id: String(index), name, state: 'Offline' }));
        const forges = createForges({
          client,
          options: forge,
          onSecret: () => undefined,
          now: () => new Date(),
        });
        const pool = poolWithForge(own);
        for (const name of new Set(names))
          for (const live of [true, false]) await forges.remove(pool, name, live);
        const left = forge.records.map((one) => one.name);
        const strange = strangers.filter((one) => !one.startsWith(recordPrefix('harrier', own)));
        expect(left).toEqual(expect.arrayContaining([...theirs, ...strange]));
        for (const name of ours) expect(left).not.toContain(name);
      },
    ),
    { numRuns: 60 },
  );
});
