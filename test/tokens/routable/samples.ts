import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { encodeRoutable } from '../../../src/tokens/routable/encode_routable.ts';
import { checksumOf } from '../../../src/tokens/routable/form.ts';

/** Made by another program than ours. */
export const KNOWN_GOOD = [
  't2_YzoxCm86McBZvbkDPhEYLTOsgNjxLaQQ.0w0rpsm6v',
  't3_YzoxCm86MfSW16832Qmg3aCkgSuq6SMQ.0w0ez9zrg',
] as const;

export const aRoutable = (prefix = 'hrt_') =>
  encodeRoutable({ prefix, routing: { cell: '1', organization: 'acme' }, random: randomBytes(16) });

const FIRST = [...'ABCXYZabcxyz0189'];
const LATER = [...FIRST, ...'._/-'];
const name = fc
  .tuple(fc.constantFrom(...FIRST), fc.string({ unit: fc.constantFrom(...LATER), maxLength: 127 }))
  .map(([first, rest]) => first + rest);
const value = fc.oneof(
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 10n ** 128n - 1n }).map(String),
  name,
  fc.constantFrom('0', '00', '007', '9007199254740993', 'z', 'acme', 'a'.repeat(128), '9'.repeat(128)),
);

export const prefixes = fc.oneof(
  fc.constantFrom('hrt_', 'glrt-t2_', 't2_', 't3_', 'glrt-', 'A-'),
  fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}_$/),
);
export const routings = fc
  .record(
    { cell: value, organization: value, group: value, project: value, user: value },
    { requiredKeys: [] },
  )
  .filter((routing) => Object.keys(routing).length > 0);
export const randoms = fc.uint8Array({ minLength: 16, maxLength: 255 }).map((bytes) => Buffer.from(bytes));

/** The token over any payload and any stated length, with a right checksum: what a forger can always make. */
export function sealed(prefix: string, payload: Buffer | string, length?: number): string {
  const text = typeof payload === 'string' ? payload : payload.toString('base64url');
  const front = `${prefix}${text}.${(length ?? text.length).toString(36).padStart(2, '0')}`;
  return front + checksumOf(front);
}
