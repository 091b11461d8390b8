import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CacheAccess } from '../../../src/cache/scope.ts';
import { readJobClaims } from '../../../src/credentials/job_token.ts';
import type { Permission } from '../../../src/resources/pool_cache.ts';
import { accessOfJob } from '../../../src/runtime/cache_access/access_of_job.ts';

const pool = (...scopes: [string, Permission][]): CacheAccess => ({
  enabled: true,
  tenant: 'ci/linux',
  pool: 'ci/linux',
  scopes: scopes.map(([name, permission]) => ({ name, permission })),
});
const job = (...scopes: [string, boolean, boolean][]) => ({
  repositoryId: '42',
  scopes: scopes.map(([name, read, write]) => ({ name, read, write })),
});
const PULL_REQUEST = job(['refs/pull/7/merge', true, true], ['refs/heads/main', true, false]);

describe('the access of a job', () => {
  it('is to its repository alone, in its scopes and their order', () => {
    expect(accessOfJob(pool(['default', 'ReadWrite']), PULL_REQUEST)).toEqual({
      enabled: true,
      tenant: 'ci/linux#42',
      pool: 'ci/linux',
      scopes: [
        { name: 'refs/pull/7/merge', permission: 'ReadWrite' },
        { name: 'refs/heads/main', permission: 'Read' },
      ],
    });
  });

  it.each<[string, [string, Permission][], Record<string, Permission>]>([
    ['by name', [['refs/pull/7/merge', 'Read']], { 'refs/pull/7/merge': 'Read', 'refs/heads/main': 'Read' }],
    ['of every scope', [['*', 'Read']], { 'refs/pull/7/merge': 'Read', 'refs/heads/main': 'Read' }],
    [
      'by name before every scope',
      [
        ['*', 'Write'],
        ['refs/heads/main', 'Read'],
      ],
      { 'refs/pull/7/merge': 'Write', 'refs/heads/main': 'Read' },
    ],
    ['to nothing', [['refs/heads/main', 'Write']], { 'refs/pull/7/merge': 'ReadWrite' }],
  ])('is restricted by the pool: %s', (_, scopes, left) => {
    const access = accessOfJob(pool(...scopes), PULL_REQUEST);
    expect(Object.fromEntries(access.scopes.map((one) => [one.name, one.permission]))).toEqual(left);
  });

  it('is never more than either of the two allows', () => {
    const scope = fc.constantFrom('a', 'b', 'c', '*');
    const permission = fc.constantFrom<Permission>('Read', 'Write', 'ReadWrite');
    const ofPool = fc.uniqueArray(fc.tuple(scope, permission), { selector: ([one]) => one });
    const ofJob = fc.uniqueArray(fc.tuple(scope, fc.boolean(), fc.boolean()), { selector: ([one]) => one });
    fc.assert(
      fc.property(ofPool, ofJob, (said, granted) => {
        const { scopes } = accessOfJob(pool(...said), job(...granted));
        for (const { name, permission: may } of scopes) {
          const [, read, write] = granted.find(([one]) => one === name) ?? [name, false, false];
          const limit = (said.find(([one]) => one === name) ?? said.find(([one]) => one === '*'))?.[1];
          expect({ read: may === 'Write' || read, write: may === 'Read' || write }).toEqual({
            read: true,
            write: true,
          });
          expect([undefined, 'ReadWrite', may]).toContain(limit);
        }
      }),
    );
  });
});

describe('the claims of a job', () => {
  const good = { repository_id: '42', ac: '[{"Scope":"refs/heads/main","Permission":3}]' };

  it('are read as GitHub writes them, and with a number for the repository', () => {
    const main = { repositoryId: '42', scopes: [{ name: 'refs/heads/main', read: true, write: true }] };
    expect(readJobClaims(good)).toEqual(main);
    expect(readJobClaims({ ...good, repository_id: 42 })).toEqual(main);
  });

  it.each<[string, object]>([
    ['no repository', { ...good, repository_id: undefined }],
    ['a repository that is a path', { ...good, repository_id: '42/../43' }],
    ['a repository that is another tenant', { ...good, repository_id: '42#43' }],
    ['a repository below nothing', { ...good, repository_id: -1 }],
    ['no scopes', { ...good, ac: '[]' }],
    ['no ac', { repository_id: '42' }],
    ['an ac that is no text', { ...good, ac: [{ Scope: 'a', Permission: 3 }] }],
    ['an ac that is no JSON', { ...good, ac: 'refs/heads/main' }],
    ['a scope without a name', { ...good, ac: '[{"Scope":"","Permission":2}]' }],
    ['a scope without a permission', { ...good, ac: '[{"Scope":"a"}]' }],
    ['a permission in words', { ...good, ac: '[{"Scope":"a","Permission":"3"}]' }],
    ['a scope twice', { ...good, ac: '[{"Scope":"a","Permission":1},{"Scope":"a","Permission":3}]' }],
    ['a scope with NUL', { ...good, ac: '[{"Scope":"a\\u0000b","Permission":3}]' }],
    ['half a character', { ...good, ac: '[{"Scope":"a\\ud800","Permission":3}]' }],
    [
      'too many scopes',
      {
        ...good,
        ac: JSON.stringify(Array.from({ length: 17 }, (_, n) => ({ Scope: `s${n}`, Permission: 1 }))),
      },
    ],
  ])('with %s say nothing', (_, claims) => expect(readJobClaims(claims)).toBeUndefined());
});
