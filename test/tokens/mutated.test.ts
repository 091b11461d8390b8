import fc from 'fast-check';
import { expect, test } from 'vitest';
import { issueToken } from '../../src/tokens/issue.ts';
import { makeSigningKey } from '../../src/tokens/keys.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';
import { AUDIENCE, aPool, aToken, aVerifier, ISSUER, NOW } from './builders.ts';
import { mutations } from './mutations.ts';

const MUTATIONS = 100_000;
/** The same seed takes the same ways in the same places; the signatures differ, since ECDSA draws a number for each. */
const SEED = Number(process.env.HARRIER_SEED ?? 20_261_121);

test(`of ${MUTATIONS} mutated tokens none is accepted`, { timeout: 300_000 }, async () => {
  const [key, stranger] = [await makeSigningKey(NOW), await makeSigningKey(NOW)];
  const issued = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      issueToken({
        token: aToken(name),
        pool: aPool(),
        issuer: ISSUER,
        audience: AUDIENCE,
        key,
        now: NOW,
      }),
    ),
  );
  const tokens = issued.map(({ jwt }) => jwt);
  const verifier = await aVerifier([key]);
  // Seen and remembered, as those of live runners are: what is remembered must open no other text either.
  for (const token of tokens) await verifier.verify(token);

  const refusals = new Map<string, number>();
  const ways = new Map<string, number>();
  const tried = new Set<string>();
  const property = fc.asyncProperty(mutations({ tokens, key, stranger }), async ({ way, text }) => {
    fc.pre(!tried.has(text));
    tried.add(text);
    const refusal = await refusalOf(() => verifier.verify(text));
    refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
    ways.set(way, (ways.get(way) ?? 0) + 1);
  });
  await fc.assert(property, { numRuns: MUTATIONS, seed: SEED });

  const counted = (counts: Map<string, number>) => [...counts.values()].reduce((sum, one) => sum + one, 0);
  process.stdout.write(
    `mutated tokens (seed ${SEED}): ${tried.size} different, 0 accepted; refused as ${[...refusals]
      .sort(([, a], [, b]) => b - a)
      .map(([refusal, count]) => `${refusal} ${count}`)
      .join(', ')}\n`,
  );
  expect([tried.size, counted(ways)]).toEqual([MUTATIONS, MUTATIONS]);
  // Each way was really taken, and the check of the signature was reached as well as those before it.
  expect(ways.size).toBe(16);
  for (const refusal of ['malformed', 'wrong-algorithm', 'unknown-key', 'bad-signature'])
    expect(refusals.get(refusal)).toBeGreaterThan(MUTATIONS / 100);
  for (const token of tokens) expect((await verifier.verify(token)).iss).toBe(ISSUER);
});

async function refusalOf(verify: () => unknown): Promise<string> {
  try {
    await verify();
  } catch (error) {
    if (error instanceof TokenRefused) return error.refusal;
    throw error;
  }
  throw new Error('accepted');
}
