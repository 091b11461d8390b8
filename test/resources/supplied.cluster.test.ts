import { expect, test } from 'vitest';
import type { RunnerPool } from '../../src/resources/runner_pool.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { useCluster } from '../support/cluster.ts';
import { create, type Fields, poolManifest } from './pool_manifest.ts';

const cluster = useCluster();

const secretRef = { name: 'forge-token' };
const validate = { url: 'https://forge.example.com/api/user' };
const jwks = { url: 'https://login.example.com/jwks', issuer: 'https://login.example.com' };

const BAD: [what: string, supplied: Fields, field: string, problem: string][] = [
  ['no Secret', {}, 'secretRef', 'Required'],
  ['both ways of validation', { secretRef, validate, jwks }, '', 'exclude each other'],
  ['a URL of a file', { secretRef, validate: { url: 'file:///etc/passwd' } }, 'validate.url', 'should match'],
  [
    'a URL with a password',
    { secretRef, validate: { url: 'https://a:b@forge.example.com/' } },
    'validate.url',
    'should match',
  ],
  [
    'a status that is no success',
    { secretRef, validate: { ...validate, expectStatus: 302 } },
    'validate.expectStatus',
    'less than or equal to 299',
  ],
  [
    'a header of the connection',
    { secretRef, validate: { ...validate, header: 'Host' } },
    'validate.header',
    'cannot present a credential',
  ],
  [
    'a header with a line end',
    { secretRef, validate: { ...validate, header: 'X\r\nHost' } },
    'validate.header',
    'should match',
  ],
  [
    'a scheme of two words',
    { secretRef, validate: { ...validate, scheme: 'Bearer x' } },
    'validate.scheme',
    'should match',
  ],
  [
    'a place that is two',
    { secretRef, validate: { ...validate, subject: { pointer: '/login', header: 'X-User' } } },
    'validate.subject',
    'name one of pointer and header',
  ],
  [
    'a place that is none',
    { secretRef, validate: { ...validate, scopes: {} } },
    'validate.scopes',
    'name one of pointer and header',
  ],
  [
    'a pointer that is none',
    { secretRef, validate: { ...validate, subject: { pointer: 'login' } } },
    'validate.subject.pointer',
    'should match',
  ],
  ['keys without an issuer', { secretRef, jwks: { url: jwks.url } }, 'jwks.issuer', 'Required'],
];

test.each(BAD)('a pool is refused with %s', async (_what, supplied, field, problem) => {
  const path = `spec.token.supplied${field === '' ? '' : `.${field}`}`;
  const refusal = await create(cluster, poolManifest('bad', { token: { supplied } }), true).catch(String);
  expect(refusal).toContain(path);
  expect(refusal).toContain(problem);
});

test('a pool that supplies a credential is taken, with the defaults of its validation', async () => {
  const subject = { pointer: '/login' };
  const scopes = { header: 'X-OAuth-Scopes' };
  const pool = await create<RunnerPool>(
    cluster,
    poolManifest('good', { token: { supplied: { secretRef, validate: { ...validate, subject, scopes } } } }),
  );
  expect(pool.spec.token.supplied).toEqual({
    secretRef: { name: 'forge-token', key: 'token' },
    validate: { ...validate, expectStatus: 200, header: 'Authorization', scheme: 'Bearer', subject, scopes },
  });
  const other = await create<RunnerPool>(
    cluster,
    poolManifest('jwt', { token: { supplied: { secretRef, jwks } } }),
  );
  expect(other.spec.token.supplied?.jwks).toEqual({ ...jwks, subjectClaim: 'sub', scopesClaim: 'scope' });
});

function token(name: string, spec: Fields): Fields {
  const poolRef = { name: 'good' };
  return {
    apiVersion: 'harrier.dev/v1alpha1',
    kind: 'RunnerToken',
    metadata: { name },
    spec: { poolRef, supplied: { secretRef }, ...spec },
  };
}

test('a token for a registered runner may bring one, one for a pod or a registration may not', async () => {
  const parentRef = { name: 'parent', uid: 'parent-uid' };
  const made = await create<RunnerToken>(
    cluster,
    token('mac', { type: 'Runtime', runner: { name: 'mac-1' }, parentRef }),
  );
  expect(made.spec.supplied).toEqual({ secretRef: { name: 'forge-token', key: 'token' } });
  const ofPod = { podRef: { name: 'p', uid: 'u' }, poolRef: { name: 'good', uid: 'u' } };
  expect(await create(cluster, token('pod', ofPod), true).catch(String)).toContain(
    'supplied is for a token with runner',
  );
  const registration = { type: 'Registration', usage: 'Reusable' };
  expect(await create(cluster, token('reg', registration), true).catch(String)).toContain(
    'of a Runtime token alone',
  );
});
