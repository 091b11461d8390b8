import { type ManagedCache, type VerifiedCache, verifiedCache } from '../../protocol/management.ts';
import { type Command, type Io, oneOf } from '../command.ts';
import { Failed, UsageError } from '../failure.ts';
import { json } from '../objects.ts';
import { sizeText } from '../size.ts';
import { printable } from '../table.ts';
import { API_OPTIONS, openApi, Refused } from './ask_api.ts';
import { entriesText } from './entries_text.ts';
import { readCaches, WHICH_OPTIONS } from './read_caches.ts';
import { requireWhose, WHOSE_OPTIONS } from './whose.ts';

/** Between two words about how far it is, in ms. */
const PROGRESS_EVERY = 2_000;

export const command: Command = {
  summary: 'read entries through and compare them with what was saved',
  operands: '',
  details: `The api reads every byte. An entry that is not as it was saved is taken out of use: the next job misses it
and saves it anew. One that could not be read stays as it is. The exit code is 1 when any was not sound.`,
  example: 'harrier cache verify --repository acme/app',
  options: {
    ...WHOSE_OPTIONS,
    ...WHICH_OPTIONS,
    output: { type: 'string', short: 'o', value: 'json', help: 'another format' },
    ...API_OPTIONS,
  },
  async run(given, io) {
    if (given.operands.length > 0) throw new UsageError('verify takes no names; --key does');
    const format = oneOf(given, 'output', ['json']);
    const whose = requireWhose(given);
    const api = await openApi(given, io);
    const which = {
      key: given.text('key'),
      ref: given.text('ref'),
      sort: 'created_at',
      ascending: true,
    } as const;
    const { caches } = await readCaches(api, whose, which);
    const count: Record<VerifiedCache['outcome'], number> = { sound: 0, corrupt: 0, unavailable: 0 };
    const bad: { id: number; key: string; outcome: VerifiedCache['outcome'] }[] = [];
    let bytes = 0;
    const progress = tellProgress(io, caches);
    for (const [index, { id, key }] of caches.entries()) {
      const path = `${whose.path}/caches/${id}/verify`;
      const found = await api
        .ask({ method: 'POST', path, query: whose.query }, verifiedCache)
        // Evicted since it was listed: there is nothing to be verified any more.
        .catch((error: unknown) => ifGone(error));
      if (found !== undefined) {
        count[found.outcome]++;
        bytes += found.size_in_bytes;
      }
      progress(index + 1, bytes);
      if (found === undefined || found.outcome === 'sound') continue;
      bad.push({ id, key, outcome: found.outcome });
      io.note(`${id} ${printable(key)}: ${found.outcome}\n`);
    }
    const { sound, corrupt, unavailable } = count;
    if (format === 'json') io.out(json({ ...count, bytes, bad }));
    else
      io.out(
        `${entriesText(sound + corrupt + unavailable)} verified, ${sizeText(bytes)} read: ${sound} sound, ${corrupt} corrupt, ${unavailable} unavailable\n`,
      );
    if (bad.length > 0) throw new Failed(`${entriesText(bad.length)} not sound`);
  },
};

function tellProgress(io: Io, caches: readonly ManagedCache[]): (done: number, bytes: number) => void {
  const all = sizeText(caches.reduce((sum, one) => sum + one.size_in_bytes, 0));
  let last = io.now().getTime();
  return (done, bytes) => {
    const now = io.now().getTime();
    if (now - last < PROGRESS_EVERY && done < caches.length) return;
    last = now;
    io.note(`${done} of ${entriesText(caches.length)}, ${sizeText(bytes)} of ${all}\n`);
  };
}

function ifGone(error: unknown): undefined {
  if (error instanceof Refused && error.status === 404) return undefined;
  throw error;
}
