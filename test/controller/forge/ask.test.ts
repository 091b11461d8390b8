import { expect, it } from 'vitest';
import { askForge } from '../../../src/controller/forge/ask.ts';
import { createForges } from '../../../src/controller/forge/forges.ts';
import type { View } from '../../../src/controller/view.ts';
import { recordName } from '../../../src/forges/record_name.ts';
import { ForgeInMemory } from './forge_in_memory.ts';
import { poolWithForge, secretOfForge } from './pool_with_forge.ts';

const view = { pods: { byIndex: () => [] } } as unknown as View;
const client = { get: async () => secretOfForge, applyStatus: async () => expect.fail('nothing to write') };
const now = () => new Date();

/** Its answer to what records there are is old when it comes: what `meanwhile` does is not in it. */
class SlowForge extends ForgeInMemory {
  meanwhile = async (): Promise<void> => undefined;
  override open = (settings: Parameters<ForgeInMemory['open']>[0]) => {
    const quick = new ForgeInMemory().open(settings);
    return {
      ...quick,
      list: async () => {
        const answer = [...this.records];
        await this.meanwhile();
        return answer;
      },
      remove: async (id: string) => {
        this.records = this.records.filter((one) => one.id !== id);
      },
    };
  };
}

it('takes no record from an answer that was on its way while the record was removed', async () => {
  const forge = new SlowForge();
  const forges = createForges({ client: client as never, options: forge, onSecret: () => undefined, now });
  const pool = poolWithForge('uid-of-pool');
  const [kept = '', removed = ''] = ['a', 'b'].map((pod) => recordName('harrier', 'uid-of-pool', pod));
  forge.records = [kept, removed].map((name, id) => ({ id: String(id), name, state: 'Offline' }));
  const hands = { client: client as never, view, forges, now };
  const names = () => forges.known('uid-of-pool').look?.records.map(({ name }) => name);

  expect(await askForge(pool, hands)).toBe(true);
  expect(names()).toEqual([kept, removed]);
  forge.meanwhile = async () => expect(await forges.remove(pool, removed, false)).toBe(true);
  expect(await askForge(pool, hands)).toBe(true);
  expect(names()).toEqual([kept]);

  // One that comes back under the id is a record again.
  forge.meanwhile = async () => undefined;
  forge.records.push({ id: '1', name: removed, state: 'Idle' });
  expect(await askForge(pool, hands)).toBe(true);
  expect(names()).toEqual([kept, removed]);
});
