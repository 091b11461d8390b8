import { describe, expect, it } from 'vitest';
import { type RunnerPool, runnerPoolSpec } from '../../src/resources/runner_pool.ts';
import { cacheTenant, repositoryTenant } from '../../src/tokens/cache_tenant.ts';

function pool(namespace: string, name: string, forge: Record<string, unknown> = {}): RunnerPool {
  const template = { spec: { containers: [{ name: 'runner' }] } };
  const metadata = {
    namespace,
    name,
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-11-21T08:00:00Z',
  };
  return { metadata, spec: runnerPoolSpec.parse({ template, forge }) };
}

const repository = (name: string, host = 'git.example.com:3000') => ({
  type: 'gitea',
  url: `https://${host}/base`,
  scope: { type: 'repository', name },
});

it("jobs of a repository have a tenant that no pool's own name can be", () => {
  expect(repositoryTenant('ci/linux', '42')).toBe('ci/linux#42');
  expect(cacheTenant(pool('ci', 'linux', repository('acme/app#42')))).not.toContain('#');
});

describe('cacheTenant', () => {
  it.each([
    ['a pool of no forge', pool('ci', 'linux'), 'ci/linux'],
    [
      "an organization's pool",
      pool('ci', 'linux', { ...repository(''), scope: { type: 'organization', name: 'acme' } }),
      'ci/linux',
    ],
    ["a repository's pool", pool('ci', 'linux', repository('acme/app')), 'ci/git.example.com:3000/acme/app'],
    ['another of it', pool('ci', 'arm', repository('acme/app')), 'ci/git.example.com:3000/acme/app'],
    [
      'its namesake elsewhere',
      pool('ci', 'linux', repository('acme/app', 'other.example')),
      'ci/other.example/acme/app',
    ],
    [
      'one of another namespace',
      pool('dev', 'linux', repository('acme/app')),
      'dev/git.example.com:3000/acme/app',
    ],
  ])('of %s', (_, subject, tenant) => {
    expect(cacheTenant(subject)).toBe(tenant);
  });
});
