import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  tenantName,
  tenantOfPool,
  tenantsOfPool,
  tenantsOfRepository,
} from '../../../src/runtime/management/tenants.ts';
import { usageOf } from '../../../src/runtime/management/usage.ts';
import { cacheTenant } from '../../../src/tokens/cache_tenant.ts';
import { aPool } from '../../tokens/builders.ts';

const NAMESPACES = ['ci', 'team-a'];

test.each([
  ['ci/linux', { namespace: 'ci', kind: 'pool', name: 'linux' }],
  [
    'ci/git.example.com/acme/app',
    { namespace: 'ci', kind: 'repository', name: 'acme/app', host: 'git.example.com' },
  ],
  ['ci/linux#42', { namespace: 'ci', kind: 'pool', name: 'linux#42' }],
  ['ci/h/acme/app#42', { namespace: 'ci', kind: 'repository', name: 'acme/app', host: 'h' }],
  ['ci/git:3000/a/b/c', { namespace: 'ci', kind: 'repository', name: 'a/b/c', host: 'git:3000' }],
  ['other/linux', undefined],
  ['https://cell-2.example.com#ci/linux', undefined],
  ['ci#ci/linux', undefined],
  ['ci', undefined],
  ['ci/', undefined],
  ['', undefined],
])('%j is %j', (tenant, expected) => {
  expect(tenantName(tenant, NAMESPACES)).toEqual(expected);
});

describe('what tokens name', () => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);

  test('is found again by the repository, in its own namespace alone', () => {
    fc.assert(
      fc.property(name, name, name, name, (owner, repo, host, other) => {
        const forge = {
          type: 'gitea' as const,
          url: `https://${host}.example.com/x`,
          scope: { type: 'repository' as const, name: `${owner}/${repo}` },
          labels: [],
          pollInterval: '30s',
        };
        const tenant = cacheTenant(aPool({ forge }));
        expect(tenantsOfRepository(`${owner}/${repo}`, [tenant, `ci/${other}`], ['ci'])).toEqual([tenant]);
        expect(tenantsOfRepository(`${owner}/${repo}`, [tenant], ['team-a', 'c'])).toEqual([]);
        expect(tenantsOfRepository(`${owner}/${repo}x`, [tenant], ['ci'])).toEqual([]);
      }),
    );
  });

  test('is that of the pool where there is no single repository', () => {
    expect(cacheTenant(aPool())).toBe(tenantOfPool('ci', 'linux'));
  });
});

test('a pool of many repositories has the entries of all of them', () => {
  const tenants = ['ci/linux#42', 'ci/linux', 'ci/linux-2#1', 'ci/h/linux#3', 'other/linux#4', 'ci/linux#7'];
  expect(tenantsOfPool('ci', 'linux', tenants)).toEqual(['ci/linux', 'ci/linux#42', 'ci/linux#7']);
});

test('usage adds what several pools saved for one repository, largest first', () => {
  const one = (tenant: string, pool: string, entries: number, sizeBytes: number) => ({
    tenant,
    pool,
    entries,
    sizeBytes,
  });
  const usages = [
    one('ci/linux', 'ci/linux', 1, 10),
    one('ci/h/acme/app', 'ci/a', 2, 7),
    one('ci/h/acme/app', 'ci/b', 3, 8),
    one('secret/linux', 'secret/linux', 9, 99),
    one('https://x.example.com#ci/linux', 'https://x.example.com#ci/linux', 9, 99),
  ];
  expect(usageOf(usages, NAMESPACES)).toEqual([
    { namespace: 'ci', kind: 'repository', name: 'acme/app', host: 'h', entries: 5, sizeBytes: 15 },
    { namespace: 'ci', kind: 'pool', name: 'linux', entries: 1, sizeBytes: 10 },
  ]);
});
