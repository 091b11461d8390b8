import { createHmac, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { CompactSign, importJWK } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../src/tokens/claims.ts';
import { verificationKeys } from '../../src/tokens/jwks.ts';
import { makeSigningKey, publicHalf, publicKeySetOf, type SigningKey } from '../../src/tokens/keys.ts';
import { withLowS } from '../../src/tokens/low_s.ts';
import { type Refusal, TokenRefused } from '../../src/tokens/refusal.ts';
import { createVerifier, type TokenVerifier } from '../../src/tokens/verify.ts';
import { AUDIENCE, anIssue, aVerifier, ISSUER, NOW } from './builders.ts';

let good: Awaited<ReturnType<typeof anIssue>>;
let stranger: SigningKey;
beforeAll(async () => {
  good = await anIssue();
  stranger = await makeSigningKey(NOW);
});

const b64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Signs with our own key whatever is given, as an issuer gone mad would. */
async function signed(header: Record<string, unknown>, claims: unknown, key = good.key): Promise<string> {
  const signer = new CompactSign(Buffer.from(typeof claims === 'string' ? claims : JSON.stringify(claims)));
  const full = { alg: 'ES256', typ: 'at+jwt', kid: key.jwk.kid, ...header };
  return withLowS(
    await signer
      .setProtectedHeader(full)
      .sign(await importJWK(key.jwk, 'ES256'), { crit: { 'x-mine': true } }),
  );
}
const withClaims = (change: Record<string, unknown>, key?: SigningKey) =>
  signed({}, { ...good.claims, ...change }, key);
/** The good token with its header changed and its signature kept. */
const withHeader = (change: Record<string, unknown>) => {
  const [, payload, signature] = good.jwt.split('.');
  const header = { alg: 'ES256', typ: 'at+jwt', kid: good.key.jwk.kid, ...change };
  return `${b64(header)}.${payload}.${signature}`;
};
const parts = () => good.jwt.split('.') as [string, string, string];

async function refusalOf(verifier: TokenVerifier, raw: string): Promise<Refusal | 'accepted'> {
  try {
    await verifier.verify(raw);
    return 'accepted';
  } catch (error) {
    if (error instanceof TokenRefused) return error.refusal;
    throw error;
  }
}

test('gives the claims of a good token, the first time and every time', async () => {
  const first = good.verifier.verify(good.jwt);
  expect(first).toBeInstanceOf(Promise);
  expect(await first).toEqual(good.claims);
  expect(good.verifier.verify(good.jwt)).toEqual(good.claims);
});

const HS256_WITH = (key: string | Buffer) => {
  const head = `${b64({ alg: 'HS256', typ: 'at+jwt', kid: good.key.jwk.kid })}.${parts()[1]}`;
  return `${head}.${createHmac('sha256', key).update(head).digest('base64url')}`;
};
const pem = () =>
  createPublicKey({ key: { ...publicHalf(good.key) }, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
const at = NOW.getTime() / 1000;

const hostile: [string, Refusal, () => string | Promise<string>][] = [
  ['nothing at all', 'malformed', () => ''],
  ['words', 'malformed', () => 'not a token'],
  ['two parts', 'malformed', () => parts().slice(0, 2).join('.')],
  ['four parts', 'malformed', () => `${good.jwt}.${parts()[2]}`],
  ['five parts, a JWE', 'malformed', () => `${good.jwt}.a.b`],
  ['a header that is no JSON', 'malformed', () => `${b64('{"alg":')}.${parts()[1]}.${parts()[2]}`],
  ['a header that is an array', 'malformed', () => `${b64([])}.${parts()[1]}.${parts()[2]}`],
  ['a header that is null', 'malformed', () => `${b64('null')}.${parts()[1]}.${parts()[2]}`],
  ['more than 8 KiB', 'malformed', () => withClaims({ filler: 'x'.repeat(9000) })],
  [
    'alg none without a signature',
    'wrong-algorithm',
    () => `${b64({ alg: 'none', typ: 'at+jwt' })}.${parts()[1]}.`,
  ],
  ['alg none with a signature', 'wrong-algorithm', () => withHeader({ alg: 'none' })],
  ['alg None', 'wrong-algorithm', () => withHeader({ alg: 'None' })],
  ['alg absent', 'wrong-algorithm', () => withHeader({ alg: undefined })],
  ['alg a list', 'wrong-algorithm', () => withHeader({ alg: ['ES256'] })],
  ['alg es256', 'wrong-algorithm', () => withHeader({ alg: 'es256' })],
  ['RS256', 'wrong-algorithm', () => withHeader({ alg: 'RS256' })],
  ['HS256 with the public key in PEM', 'wrong-algorithm', () => HS256_WITH(pem())],
  [
    'HS256 with the public key as JWK',
    'wrong-algorithm',
    () => HS256_WITH(JSON.stringify(publicHalf(good.key))),
  ],
  ['HS256 with nothing', 'wrong-algorithm', () => HS256_WITH('')],
  ['typ JWT', 'wrong-type', () => signed({ typ: 'JWT' }, good.claims)],
  ['typ absent', 'wrong-type', () => signed({ typ: undefined }, good.claims)],
  ['crit', 'forbidden-header', () => signed({ crit: ['x-mine'], 'x-mine': 1 }, good.claims)],
  ['jku', 'forbidden-header', () => signed({ jku: 'https://evil.example.com/jwks.json' }, good.claims)],
  ['x5u', 'forbidden-header', () => signed({ x5u: 'https://evil.example.com/cert.pem' }, good.claims)],
  [
    'its own key in jwk',
    'forbidden-header',
    () => signed({ jwk: publicHalf(stranger) }, good.claims, stranger),
  ],
  ['kid absent', 'unknown-key', () => withHeader({ kid: undefined })],
  ['kid a number', 'unknown-key', () => withHeader({ kid: 0 })],
  ['kid a path', 'unknown-key', () => withHeader({ kid: '../../../../dev/null' })],
  ['kid of SQL', 'unknown-key', () => withHeader({ kid: "x' OR '1'='1" })],
  ['kid __proto__', 'unknown-key', () => withHeader({ kid: '__proto__' })],
  ['kid constructor', 'unknown-key', () => withHeader({ kid: 'constructor' })],
  ['another key', 'unknown-key', () => withClaims({}, stranger)],
  [
    "another key under our key's kid",
    'bad-signature',
    () => signed({ kid: good.key.jwk.kid }, good.claims, stranger),
  ],
  [
    'a signature of zeros',
    'bad-signature',
    () => `${parts()[0]}.${parts()[1]}.${Buffer.alloc(64).toString('base64url')}`,
  ],
  [
    'a signature of 63 bytes',
    'bad-signature',
    () => `${parts()[0]}.${parts()[1]}.${Buffer.alloc(63, 1).toString('base64url')}`,
  ],
  [
    'other claims under the signature',
    'bad-signature',
    () => `${parts()[0]}.${b64({ ...good.claims, jti: 'other' })}.${parts()[2]}`,
  ],
  ['another header under the signature', 'bad-signature', () => withHeader({ cty: 'x' })],
  ['payload and header exchanged', 'wrong-algorithm', () => `${parts()[1]}.${parts()[0]}.${parts()[2]}`],
  ['padding', 'malformed', () => `${good.jwt}==`],
  ['a line break within', 'malformed', () => `${good.jwt.slice(0, 40)}\n${good.jwt.slice(40)}`],
  ['a space at the end', 'malformed', () => `${good.jwt} `],
  ['the spare bits of the last character set', 'malformed', () => otherSpelling(good.jwt)],
  [
    'standard base64',
    'malformed',
    () => `${parts()[0]}.${parts()[1]}.${Buffer.alloc(64, 255).toString('base64')}`,
  ],
  ['the first half', 'malformed', () => good.jwt.slice(0, good.jwt.length / 2)],
  ['another issuer', 'wrong-issuer', () => withClaims({ iss: 'https://evil.example.com' })],
  ['the issuer with a slash more', 'wrong-issuer', () => withClaims({ iss: `${ISSUER}/` })],
  ['another audience', 'wrong-audience', () => withClaims({ aud: ['vault'] })],
  ['our audience as a part of another', 'wrong-audience', () => withClaims({ aud: [`${AUDIENCE}-other`] })],
  ['the audience as plain text', 'bad-claims', () => withClaims({ aud: AUDIENCE })],
  ['no audience', 'bad-claims', () => withClaims({ aud: [] })],
  ['expired this second', 'expired', () => withClaims({ exp: at })],
  ['expired long ago', 'expired', () => withClaims({ exp: at - 86_400 })],
  ['valid in 6 seconds', 'not-yet-valid', () => withClaims({ nbf: at + 6 })],
  ['exp as text', 'bad-claims', () => withClaims({ exp: '9999999999' })],
  ['exp beyond integers', 'bad-claims', () => withClaims({ exp: 1e300 })],
  ['exp absent', 'bad-claims', () => withClaims({ exp: undefined })],
  ['nbf absent', 'bad-claims', () => withClaims({ nbf: undefined })],
  ['jti absent', 'bad-claims', () => withClaims({ jti: undefined })],
  ['no claims of ours', 'bad-claims', () => withClaims({ [HARRIER_CLAIM]: undefined })],
  [
    'attempt 0',
    'bad-claims',
    () => withClaims({ [HARRIER_CLAIM]: { ...good.claims[HARRIER_CLAIM], attempt: 0 } }),
  ],
  ['claims that are no JSON', 'malformed', () => signed({}, '{"iss":')],
  ['claims that are a list', 'bad-claims', () => signed({}, '[]')],
];

test.each(hostile)('refuses %s as %s', async (_what, refusal, make) => {
  expect(await refusalOf(good.verifier, await make())).toBe(refusal);
});

/** The same bytes in other characters: the last one's spare bits are ignored by lax decoders. */
function otherSpelling(raw: string): string {
  const bytes = Buffer.from(raw.split('.')[2] ?? '', 'base64url');
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    const other = raw.slice(0, -1) + last;
    if (other !== raw && Buffer.from(other.split('.')[2] ?? '', 'base64url').equals(bytes)) return other;
  }
  throw new Error('the last character has no spare bits');
}

test('accepts what is at most 5 seconds ahead, and what has a second left', async () => {
  expect(await refusalOf(good.verifier, await withClaims({ nbf: at + 5 }))).toBe('accepted');
  expect(await refusalOf(good.verifier, await withClaims({ exp: at + 1 }))).toBe('accepted');
});

test('looks at the time again when the signature is known already', async () => {
  let now = NOW.getTime();
  const verifier = await aVerifier([good.key], { now: () => now });
  expect(await refusalOf(verifier, good.jwt)).toBe('accepted');
  now = good.claims.exp * 1000 - 1;
  expect(await refusalOf(verifier, good.jwt)).toBe('accepted');
  now = good.claims.exp * 1000;
  expect(await refusalOf(verifier, good.jwt)).toBe('expired');
  now = (good.claims.nbf - 6) * 1000;
  expect(await refusalOf(verifier, good.jwt)).toBe('not-yet-valid');
});

test('forgets a known signature with its key, even one being checked at that moment', async () => {
  const verifier = await aVerifier([good.key, stranger]);
  const foreign = await withClaims({}, stranger);
  expect(await refusalOf(verifier, foreign)).toBe('accepted');
  expect(await refusalOf(verifier, good.jwt)).toBe('accepted');
  verifier.useKeys(await verificationKeys(publicKeySetOf([good.key])));
  expect(await refusalOf(verifier, foreign)).toBe('unknown-key');
  expect(await refusalOf(verifier, good.jwt)).toBe('accepted');

  const fresh = await aVerifier([stranger]);
  const underWay = refusalOf(fresh, foreign);
  fresh.useKeys(new Map());
  expect(await underWay).toBe('unknown-key');
  expect(await refusalOf(fresh, foreign)).toBe('unknown-key');
});

test('a storm of bad tokens evicts no good one', async () => {
  const verifier = await aVerifier([good.key], { remembered: 2 });
  await verifier.verify(good.jwt);
  for (let i = 0; i < 200; i++)
    await refusalOf(verifier, `${good.jwt.slice(0, -3)}${b64(`${i}`).slice(0, 3)}`);
  await Promise.all(hostile.map(async ([, , make]) => refusalOf(verifier, await make())));
  // At once, so without a signature check.
  expect(verifier.verify(good.jwt)).not.toBeInstanceOf(Promise);
});

test('remembers no more than it should, the least recently used goes', async () => {
  const verifier = await aVerifier([good.key], { remembered: 2 });
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((jti) => withClaims({ jti })));
  if (a === undefined || b === undefined || c === undefined) throw new Error('three tokens');
  await verifier.verify(a);
  await verifier.verify(b);
  await verifier.verify(a);
  await verifier.verify(c);
  expect(verifier.verify(a)).not.toBeInstanceOf(Promise);
  expect(verifier.verify(c)).not.toBeInstanceOf(Promise);
  const again = verifier.verify(b);
  expect(again).toBeInstanceOf(Promise);
  await again;
});

test('has no key, accepts nothing', async () => {
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, now: () => NOW.getTime() });
  expect(verifier.ready).toBe(false);
  expect(await refusalOf(verifier, good.jwt)).toBe('unknown-key');
});

test('refuses a key set in which a kid is not its key', async () => {
  const set = publicKeySetOf([good.key, { ...stranger, jwk: { ...stranger.jwk, kid: 'mine' } }]);
  await expect(verificationKeys(set)).rejects.toThrow(/thumbprint/);
});

test('of any number of mutated tokens none is accepted', { timeout: 300_000 }, async () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ {}"\n\u0000é';
  const claims = Object.keys(good.claims) as (keyof RuntimeClaims)[];
  const mutation = fc.oneof(
    fc.record({ do: fc.constant('set' as const), at: fc.nat(5000), to: fc.nat(alphabet.length - 1) }),
    fc.record({ do: fc.constant('flip' as const), at: fc.nat(5000), to: fc.nat(7) }),
    fc.record({ do: fc.constant('drop' as const), at: fc.nat(5000), to: fc.integer({ min: 1, max: 90 }) }),
    fc.record({ do: fc.constant('twice' as const), at: fc.nat(5000), to: fc.integer({ min: 1, max: 90 }) }),
    fc.record({ do: fc.constant('claim' as const), at: fc.nat(claims.length - 1), to: fc.nat(9) }),
  );
  const apply = (
    raw: string,
    { do: what, at: where, to }: { do: string; at: number; to: number },
  ): string => {
    const place = where % Math.max(1, raw.length);
    if (what === 'set') return raw.slice(0, place) + alphabet[to] + raw.slice(place + 1);
    if (what === 'drop') return raw.slice(0, place) + raw.slice(place + to);
    if (what === 'twice') return raw.slice(0, place + to) + raw.slice(place);
    const pieces = raw.split('.');
    if (what === 'flip') {
      const index = where % pieces.length;
      const bytes = Buffer.from(pieces[index] ?? '', 'base64url');
      if (bytes.length === 0) return raw;
      const byte = where % bytes.length;
      bytes[byte] = (bytes[byte] ?? 0) ^ (1 << to);
      pieces[index] = bytes.toString('base64url');
    } else {
      pieces[1] = b64({ ...good.claims, [claims[where] ?? 'iss']: to });
    }
    return pieces.join('.');
  };
  let tried = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      const raw = mutations.reduce(apply, good.jwt);
      if (raw === good.jwt) return;
      tried++;
      expect(await refusalOf(good.verifier, raw)).not.toBe('accepted');
    }),
    { numRuns: 100_000 },
  );
  expect(tried).toBeGreaterThan(95_000);
});
