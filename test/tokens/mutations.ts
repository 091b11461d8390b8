import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { publicHalf, type SigningKey } from '../../src/tokens/keys.ts';
import { toLowS } from '../../src/tokens/low_s.ts';

/** What mutations are made from: genuine tokens, the key that signed them, and a key that nobody trusts. */
export interface Genuine {
  tokens: readonly string[];
  key: SigningKey;
  stranger: SigningKey;
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * Texts made from a genuine token by what an attacker or a broken client does to one. None of them is that token, nor
 * any other genuine one; which of the ways was taken is told along.
 */
export function mutations(genuine: Genuine): fc.Arbitrary<{ way: string; text: string }> {
  const token = fc.constantFrom(...genuine.tokens);
  const ways: Record<string, fc.Arbitrary<string>> = {
    'a bit of the text': fc.tuple(token, fc.nat(), fc.nat(7)).map(([text, at, bit]) => {
      const i = at % text.length;
      return text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ (1 << bit)) + text.slice(i + 1);
    }),
    'a bit of the bytes': fc.tuple(token, fc.nat(2), fc.nat(), fc.nat(7)).map(([text, part, at, bit]) =>
      withBytes(text, part, (bytes) => {
        const i = at % bytes.length;
        bytes[i] = (bytes[i] ?? 0) ^ (1 << bit);
        return bytes;
      }),
    ),
    'another character': fc
      .tuple(token, fc.nat(), fc.constantFrom(...'AQgw-_9z+/= %.\t\n\u00e9\u0000\u2028'))
      .map(([text, at, char]) => {
        const i = at % text.length;
        return text.slice(0, i) + char + text.slice(i + 1);
      }),
    'two characters exchanged': fc.tuple(token, fc.nat(), fc.nat()).map(([text, a, b]) => {
      const chars = [...text];
      const [i, j] = [a % chars.length, b % chars.length];
      [chars[i], chars[j]] = [chars[j] ?? '', chars[i] ?? ''];
      return chars.join('');
    }),
    'parts of several tokens': fc
      .tuple(token, token, token, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }))
      .map(([a, b, c, order]) => {
        const parts = [part(a, 0), part(b, 1), part(c, 2)];
        return order.map((i) => parts[i]).join('.');
      }),
    'parts left out, emptied or repeated': fc
      .tuple(token, fc.array(fc.constantFrom(0, 1, 2, 3), { maxLength: 6 }))
      .map(([text, order]) => order.map((i) => (i === 3 ? '' : part(text, i))).join('.')),
    truncation: fc.tuple(token, fc.nat(), fc.boolean()).map(([text, at, front]) => {
      const i = at % text.length;
      return front ? text.slice(i) : text.slice(0, i);
    }),
    'text put in': fc
      .tuple(
        token,
        fc.nat(),
        fc.oneof(fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }), fc.constantFrom(...INSERTED)),
      )
      .map(([text, at, more]) => {
        const i = at % (text.length + 1);
        return text.slice(0, i) + more + text.slice(i);
      }),
    'another spelling': fc
      .tuple(token, fc.nat(2), fc.constantFrom(...SPELLINGS))
      .map(([text, i, spell]) => withPart(text, i, spell(part(text, i)))),
    'the other signature of the pair': token.map((text) =>
      withBytes(text, 2, (bytes) => {
        const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`);
        const other = (P256_ORDER - s).toString(16).padStart(64, '0');
        return Buffer.concat([bytes.subarray(0, 32), Buffer.from(other, 'hex')]);
      }),
    ),
    'a signature of nothing': fc
      .tuple(token, fc.uint8Array({ maxLength: 80 }), fc.constantFrom(0, 32, 64))
      .map(([text, noise, zeros]) =>
        withPart(text, 2, Buffer.from(zeros === 0 ? noise : new Uint8Array(zeros)).toString('base64url')),
      ),
    'another header': fc
      .tuple(token, headerEdit(genuine), fc.boolean())
      .map(([text, edit, signed]) => edited(text, edit, {}, signed ? byEs256(genuine.stranger) : undefined)),
    'other claims': fc
      .tuple(token, CLAIM_EDIT, fc.boolean())
      .map(([text, edit, signed]) => edited(text, {}, edit, signed ? byEs256(genuine.stranger) : undefined)),
    'a confused algorithm': fc
      .tuple(token, fc.oneof(fc.constant({}), CLAIM_EDIT), fc.constantFrom(...macKeys(genuine.key)), MAC)
      .map(([text, edit, secret, [alg, digest]]) =>
        edited(text, { alg }, edit, (input) => createHmac(digest, secret).update(input).digest()),
      ),
    'a member said twice': fc
      .tuple(token, fc.nat(1), TWICE, fc.boolean(), fc.boolean())
      .map(([text, i, [name, value], first, signed]) => {
        const json = Buffer.from(part(text, i), 'base64url').toString('utf8');
        const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
        const doubled = first ? `{${member},${json.slice(1)}` : `${json.slice(0, -1)},${member}}`;
        const changed = withPart(text, i, Buffer.from(doubled).toString('base64url'));
        return signed ? resigned(changed, byEs256(genuine.stranger)) : changed;
      }),
    'the same JSON in other letters': fc
      .tuple(token, fc.nat(1), fc.constantFrom(...REWRITTEN))
      .map(([text, i, rewrite]) => {
        const json = Buffer.from(part(text, i), 'base64url').toString('utf8');
        return withPart(text, i, Buffer.from(rewrite(json)).toString('base64url'));
      }),
  };
  const known = new Set(genuine.tokens);
  return fc
    .oneof(
      ...Object.entries(ways).map(([way, made]) => ({
        arbitrary: made.map((text) => ({ way, text })),
        weight: FEW.has(way) ? 1 : 6,
      })),
    )
    .filter(({ text }) => !known.has(text));
}

/** Ways by which there are only a few hundred texts. */
const FEW = new Set([
  'parts of several tokens',
  'parts left out, emptied or repeated',
  'another spelling',
  'the other signature of the pair',
  'a member said twice',
  'the same JSON in other letters',
]);

const INSERTED = [
  ' ',
  '\t',
  '\n',
  '\r\n',
  '.',
  '..',
  '=',
  '==',
  '\ufeff',
  '\u200b',
  '\u0000',
  'Bearer ',
  '%2e',
];

const SPELLINGS: readonly ((part: string) => string)[] = [
  (part) => Buffer.from(part, 'base64url').toString('base64'),
  (part) => `${part}=`,
  (part) => `${part}==`,
  (part) => part.replaceAll('-', '+').replaceAll('_', '/'),
  (part) => encodeURIComponent(part.replaceAll('-', '%2D')),
  (part) => part.toUpperCase(),
  (part) => part.toLowerCase(),
  (part) => part.replace(/.{20}/g, '$&\n'),
  (part) => [...part].reverse().join(''),
  (part) => Buffer.from(part, 'base64url').toString('hex'),
  (part) => Buffer.from(part).toString('base64url'),
  // The spare bits of the last character: other text, the same bytes for a decoder that is not strict.
  (part) => part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1),
  (part) => part.replace(/[a-z]/, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
];

const REWRITTEN: readonly ((json: string) => string)[] = [
  (json) => `${json} `,
  (json) => `\ufeff${json}`,
  (json) => JSON.stringify(JSON.parse(json), undefined, 1),
  (json) => json.replace('"', '"\\u0000'),
  (json) => json.replaceAll('a', '\\u0061'),
  (json) => `[${json}]`,
  (json) => `${json}${json}`,
  (json) => json.replaceAll('"', "'"),
  (json) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json)).reverse())),
];

const TWICE = fc.constantFrom<[string, unknown]>(
  ['alg', 'none'],
  ['alg', 'ES256'],
  ['kid', 'x'],
  ['typ', 'JWT'],
  ['exp', 9_999_999_999],
  ['iss', 'https://evil.example.com'],
  ['jti', 'uid-of-another'],
  ['aud', ['harrier']],
  ['__proto__', { alg: 'none' }],
);

const CLAIM_EDIT: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ exp: fc.oneof(fc.integer(), fc.constantFrom(9_999_999_999, '9999999999', null, 1e308)) }),
  fc.record({ jti: fc.string() }),
  fc.record({ aud: fc.oneof(fc.array(fc.string()), fc.constantFrom('harrier', ['harrier-agent'])) }),
  fc.record({ iss: fc.constantFrom('https://harrier.example.com/', 'https://evil.example.com', '') }),
  fc.record({ nbf: fc.integer(), iat: fc.integer() }),
  fc.record({ 'harrier.dev': fc.oneof(fc.object(), fc.constant(undefined)) }),
  fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 3 }),
);

const MAC = fc.constantFrom<[string, string]>(
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
  // Says one and does the other.
  ['ES256', 'sha256'],
);

function headerEdit({ key, stranger }: Genuine): fc.Arbitrary<Record<string, unknown>> {
  const { d: _private, ...jwk } = stranger.jwk;
  return fc.oneof(
    fc.record({
      alg: fc.constantFrom<unknown>('none', 'None', 'HS256', 'ES384', 'es256', 'RS256', '', null, 7, [
        'ES256',
      ]),
    }),
    fc.record({ typ: fc.constantFrom<unknown>('JWT', 'AT+JWT', 'application/at+jwt', '', null, undefined) }),
    fc.record({
      kid: fc.oneof(
        fc.string(),
        fc.constantFrom<unknown>(
          stranger.jwk.kid,
          `${key.jwk.kid} `,
          `../${key.jwk.kid}`,
          '__proto__',
          null,
          0,
          [key.jwk.kid],
          undefined,
        ),
      ),
    }),
    fc.constantFrom<Record<string, unknown>>(
      { jwk },
      { jku: 'https://evil.example.com/jwks.json' },
      { x5u: 'https://evil.example.com/x.pem' },
      { x5c: ['MIIB'] },
      { crit: ['exp'], exp: 1 },
      { b64: false, crit: ['b64'] },
      { zip: 'DEF' },
      { enc: 'A256GCM' },
    ),
    fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 2 }),
  );
}

/** All that a confused verifier may take for a shared secret. */
function macKeys(key: SigningKey): (string | Buffer)[] {
  const jwk = publicHalf(key);
  const object = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  return [
    object.export({ type: 'spki', format: 'pem' }),
    object.export({ type: 'spki', format: 'der' }),
    JSON.stringify(jwk),
    Buffer.concat([Buffer.from([4]), Buffer.from(jwk.x, 'base64url'), Buffer.from(jwk.y, 'base64url')]),
    jwk.kid,
    '',
  ];
}

type Signer = (input: string) => Uint8Array;

const keyObjects = new WeakMap<SigningKey, KeyObject>();

function byEs256(key: SigningKey): Signer {
  const object = keyObjects.get(key) ?? createPrivateKey({ key: { ...key.jwk }, format: 'jwk' });
  keyObjects.set(key, object);
  return (input) => toLowS(sign('sha256', Buffer.from(input), { key: object, dsaEncoding: 'ieee-p1363' }));
}

/** With members of header and payload changed (undefined takes one out), and signed anew where there is a signer. */
function edited(
  text: string,
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
  signer: Signer | undefined,
): string {
  const both = [header, claims].map((edit, i) => {
    // What isn't touched keeps its bytes.
    if (Object.keys(edit).length === 0) return part(text, i);
    const said = JSON.parse(Buffer.from(part(text, i), 'base64url').toString('utf8'));
    return Buffer.from(JSON.stringify({ ...said, ...edit })).toString('base64url');
  });
  const changed = `${both.join('.')}.${part(text, 2)}`;
  return signer === undefined ? changed : resigned(changed, signer);
}

function resigned(text: string, signer: Signer): string {
  const input = text.slice(0, text.lastIndexOf('.'));
  return `${input}.${Buffer.from(signer(input)).toString('base64url')}`;
}

function part(text: string, i: number): string {
  return text.split('.')[i] ?? '';
}

function withPart(text: string, i: number, changed: string): string {
  return text
    .split('.')
    .map((one, at) => (at === i ? changed : one))
    .join('.');
}

function withBytes(text: string, i: number, change: (bytes: Buffer) => Buffer): string {
  return withPart(text, i, change(Buffer.from(part(text, i), 'base64url')).toString('base64url'));
}
