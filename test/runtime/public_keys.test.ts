import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ConfigMap } from '../../src/kube/kinds.ts';
import { createStore } from '../../src/kube/store.ts';
import type { StoreChange } from '../../src/kube/types.ts';
import { followPublicKeys } from '../../src/runtime/public_keys.ts';
import { makeSigningKey, publicKeySetOf } from '../../src/tokens/keys.ts';
import type { TokenVerifier } from '../../src/tokens/verify.ts';
import { anIssue, NOW } from '../tokens/builders.ts';

async function following() {
  const { verifier, jwt, key } = await anIssue();
  verifier.useKeys(new Map());
  let listener: (change: StoreChange<ConfigMap>) => void = () => undefined;
  const store = createStore<ConfigMap>({}, (change) => listener(change));
  const onChange = (given: typeof listener) => {
    listener = given;
  };
  let taken = 0;
  const told: Pick<TokenVerifier, 'useKeys'> = {
    useKeys(keys) {
      verifier.useKeys(keys);
      taken += 1;
    },
  };
  const keys = followPublicKeys({ onChange }, [told], pino({ level: 'silent' }));
  let version = 0;
  const configMap = (text: string, name = 'harrier-public-keys'): ConfigMap => ({
    metadata: {
      name,
      namespace: 'harrier',
      uid: `uid-of-${name}`,
      resourceVersion: String(++version),
      creationTimestamp: NOW.toISOString(),
    },
    data: { 'jwks.json': text },
  });
  /** Resolves when what was changed is in use: importing keys takes a moment. */
  const settled = async (change: () => void) => {
    const before = taken;
    change();
    await expect.poll(() => taken, { interval: 2, timeout: 10_000 }).toBeGreaterThan(before);
  };
  const put = (text: string) => settled(() => void store.set(configMap(text)));
  const accepts = async () => {
    try {
      await verifier.verify(jwt);
      return true;
    } catch {
      return false;
    }
  };
  return { keys, key, verifier, put, settled, accepts, configMap, store };
}

test('uses the keys of the ConfigMap, of that name alone', async () => {
  const { keys, key, put, accepts, store, configMap } = await following();
  expect(await accepts()).toBe(false);
  store.set(configMap(JSON.stringify(publicKeySetOf([key])), 'another'));
  // Another set in between, so that whatever the first could do is done.
  await put(JSON.stringify(publicKeySetOf([await makeSigningKey(NOW)])));
  expect(await accepts()).toBe(false);
  await put(JSON.stringify(publicKeySetOf([key])));
  expect(await accepts()).toBe(true);
  expect(keys.set).toEqual(publicKeySetOf([key]));
});

test('a key that goes from the set is trusted no longer', async () => {
  const { key, put, accepts } = await following();
  await put(JSON.stringify(publicKeySetOf([key])));
  expect(await accepts()).toBe(true);
  await put(JSON.stringify(publicKeySetOf([await makeSigningKey(NOW)])));
  expect(await accepts()).toBe(false);
});

test.each([
  ['empty', ''],
  ['no JSON', '{'],
  ['no key set', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'],
])('with a set that is %s nothing is accepted, until there is one again', async (_what, text) => {
  const { keys, key, put, accepts, verifier } = await following();
  await put(JSON.stringify(publicKeySetOf([key])));
  await put(text);
  expect(await accepts()).toBe(false);
  expect(keys.set).toBeUndefined();
  expect(verifier.ready).toBe(false);
  await put(JSON.stringify(publicKeySetOf([key])));
  expect(await accepts()).toBe(true);
});

test('with the ConfigMap deleted nothing is accepted', async () => {
  const { key, put, settled, accepts, store, configMap } = await following();
  await put(JSON.stringify(publicKeySetOf([key])));
  await settled(() => void store.delete(configMap('')));
  expect(await accepts()).toBe(false);
});

test('of two sets that come at once the later one counts', async () => {
  const { key, put, accepts } = await following();
  const other = await makeSigningKey(NOW);
  await Promise.all([
    put(JSON.stringify(publicKeySetOf([key, other, await makeSigningKey(NOW)]))),
    put(JSON.stringify(publicKeySetOf([other]))),
  ]);
  expect(await accepts()).toBe(false);
});
