import { describe, expect, it } from 'vitest';
import { interceptionOf } from '../../../src/controller/interception/standing.ts';
import { spec } from '../pool/builders.ts';

const HOST = 'results-receiver.actions.githubusercontent.com';
const GITHUB = { type: 'github', url: 'https://github.com', credentialsSecretRef: { name: 'app' } };

function standing(changes: Record<string, unknown> = {}, podSpec: Record<string, unknown> = {}) {
  const template = { spec: { containers: [{ name: 'runner', image: 'job' }], ...podSpec } };
  return interceptionOf(spec({ forge: GITHUB, template, ...changes }));
}
const runnerWith = (...env: Record<string, unknown>[]) => ({
  containers: [{ name: 'runner', image: 'job', env }],
});
const proxy = { name: 'https_proxy', value: 'http://proxy:3128' };
const except = (value: string) => ({ name: 'NO_PROXY', value });

describe('whether the results service leads to the sidecar', () => {
  it('does in a pool of github.com, and of GitHub with data residency', () => {
    expect(standing()).toEqual({ standing: 'Given', host: HOST });
    const residency = { ...GITHUB, url: 'https://octocorp.ghe.com' };
    expect(standing({ forge: residency })).toEqual({
      standing: 'Given',
      host: 'results-receiver.actions.octocorp.ghe.com',
    });
  });

  it.each([
    ['the pool turns it off', { cache: { intercept: false } }],
    ['it has no cache', { cache: { enabled: false } }],
    ['it has no forge', { forge: { type: 'none' } }],
    ['its forge is another', { forge: { ...GITHUB, type: 'gitea' } }],
  ])('is not asked for where %s', (_what, changes) => {
    expect(standing(changes)).toEqual({ standing: 'NotAsked' });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['EnterpriseServer', { forge: { ...GITHUB, url: 'https://github.example.com' } }, {}],
    ['OwnAlias', {}, { hostAliases: [{ ip: '10.0.0.9', hostnames: ['x', HOST] }] }],
    [
      'OwnSysctl',
      {},
      { securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '1024' }] } },
    ],
    ['OwnRoots', {}, runnerWith({ name: 'NODE_EXTRA_CA_CERTS', value: '/corp.crt' })],
    [
      'OwnRoots',
      {},
      runnerWith({ name: 'SSL_CERT_FILE', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } }),
    ],
    ['Proxy', {}, runnerWith(proxy)],
    ['Proxy', {}, runnerWith({ name: 'ALL_PROXY', value: 'socks5://proxy' })],
    ['Proxy', {}, runnerWith(proxy, except('localhost,10.0.0.0/8'))],
    ['Proxy', {}, runnerWith(proxy, except('x-githubusercontent.com'))],
    ['Proxy', {}, runnerWith(proxy, { name: 'NO_PROXY', valueFrom: {} })],
  ])('is refused as %s, and said why', (reason, changes, podSpec) => {
    expect(standing(changes, podSpec)).toMatchObject({
      standing: 'Refused',
      reason,
      message: expect.stringMatching(/.{20}/),
    });
  });

  it.each([
    '*',
    HOST,
    `${HOST}:443`,
    '.githubusercontent.com',
    'actions.githubusercontent.com',
    '*.githubusercontent.com',
    `a, ${HOST.toUpperCase()} b`,
  ])('is given past a proxy that NO_PROXY=%s keeps off the host', (value) => {
    expect(standing({}, runnerWith(proxy, except(value)))).toMatchObject({ standing: 'Given' });
  });

  it('is not refused for what another container has', () => {
    const containers = [
      { name: 'runner', image: 'job' },
      { name: 'dind', image: 'docker', env: [proxy, { name: 'SSL_CERT_FILE', value: '/x' }] },
    ];
    expect(standing({}, { containers })).toMatchObject({ standing: 'Given' });
  });
});
