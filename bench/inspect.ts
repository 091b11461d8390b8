import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { decodeRoutable } from '../src/tokens/routable/decode_routable.ts';
import { encodeRoutable } from '../src/tokens/routable/encode_routable.ts';
import { type Figure, median } from './statistics.ts';

const TOKENS = 2000;
const ROUNDS = 40;

/** What no decoder can do without: the checksum and the bytes. It checks nothing and reads no payload. */
function bareDecode(token: string): number {
  const dot = token.lastIndexOf('.');
  const sum = crc32(token.slice(0, -7));
  return sum + Buffer.from(token.slice(4, dot), 'base64url').length;
}

/**
 * Routable tokens decoded a second in one thread, with every check, beside a bare loop over the same tokens. The two
 * take turns round by round, so that whatever else the machine does meets both.
 */
export function inspectRate(note: (text: string) => void): Figure[] {
  const tokens = Array.from({ length: TOKENS }, (_, index) =>
    encodeRoutable({
      prefix: 'hrt_',
      routing: { cell: String(index), organization: `acme-${index}`, project: String(index * 7) },
      random: randomBytes(16),
    }),
  );
  const decode = (token: string) => decodeRoutable(token).randomBytes;
  const checked: number[] = [];
  const bare: number[] = [];
  for (let round = -10; round < ROUNDS; round++) {
    note(`round ${round}`);
    const times = [timed(tokens, decode), timed(tokens, bareDecode)] as const;
    // The first rounds are the compiler's.
    if (round < 0) continue;
    checked.push(times[0]);
    bare.push(times[1]);
  }
  const ratios = checked.map((time, round) => (bare[round] ?? 0) / time);
  const perSecond = (times: readonly number[]) => Math.round((TOKENS / median(times)) * 1000);
  return [
    {
      name: 'routable tokens decoded, as a ratio to CRC and base64url alone',
      value: `${median(ratios).toFixed(2)}  (${perSecond(checked)}/s and ${perSecond(bare)}/s in one thread)`,
    },
  ];
}

/** Milliseconds for all of them. What they answer is used, or the compiler would leave the work out. */
function timed(tokens: readonly string[], decode: (token: string) => number): number {
  const started = performance.now();
  let sum = 0;
  for (const token of tokens) sum += decode(token);
  const took = performance.now() - started;
  if (sum === 0) throw new Error('nothing was decoded');
  return took;
}
