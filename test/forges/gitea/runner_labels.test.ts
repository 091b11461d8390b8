import { describe, expect, it, test } from 'vitest';
import { ForgeError } from '../../../src/forges/forge_error.ts';
import { runnerLabel } from '../../../src/forges/gitea/runner_labels.ts';
import { giteaScope } from '../../../src/forges/gitea/scope.ts';

describe('a label', () => {
  it.each([
    ['linux', 'linux', 'linux:host'],
    ['linux:host', 'linux', 'linux:host'],
    ['linux:host:', 'linux', 'linux:host'],
    ['ubuntu-latest:docker://node:24-bookworm', 'ubuntu-latest', 'ubuntu-latest:docker://node:24-bookworm'],
    ['x:docker', 'x', 'x:docker'],
  ])('%s', (label, name, text) => {
    expect(runnerLabel(label)).toEqual({ name, text });
  });

  it.each(['a:lxc', ':host', 'a:', 'https://x'])('cannot be %s', (label) => {
    expect(() => runnerLabel(label)).toThrow(ForgeError);
  });
});

test.each([
  [undefined, '/api/v1/admin/actions'],
  [{ type: 'instance' }, '/api/v1/admin/actions'],
  [{ type: 'organization', name: 'acme' }, '/api/v1/orgs/acme/actions'],
  [{ type: 'repository', name: 'acme/app' }, '/api/v1/repos/acme/app/actions'],
  [{ type: 'repository', name: 'a?c/#p' }, '/api/v1/repos/a%3Fc/%23p/actions'],
] as const)('the scope %j is at %s', (scope, path) => {
  expect(giteaScope(scope).path).toBe(path);
});
