import { describe, expect, it } from 'vitest';
import { runnerPod } from '../../../src/controller/pool/runner_pod.ts';
import { templateHash } from '../../../src/controller/pool/template_hash.ts';
import { templateRefusals } from '../../../src/controller/pool/template_refusal.ts';
import { spec } from './builders.ts';

const HOST = 'results-receiver.actions.githubusercontent.com';
const GITHUB = { type: 'github', url: 'https://github.com', credentialsSecretRef: { name: 'app' } };
const SETTINGS = { image: 'harrier:1', apiUrl: 'http://api:8080' };
const PLACE = { slot: 0, serial: 1, attempt: 1, templateHash: 'abc' };

interface Container {
  name: string;
  env?: { name: string; value?: string }[];
  volumeMounts?: { name: string; mountPath: string }[];
}
interface Pod {
  hostAliases?: { ip: string; hostnames: string[] }[];
  securityContext?: { sysctls?: { name: string; value: string }[] } & Record<string, unknown>;
  initContainers: Container[];
  containers: Container[];
  volumes: {
    name: string;
    projected?: { sources: { secret: { name: string; items: { key: string }[] } }[] };
  }[];
}

function podOf(changes: Record<string, unknown>, podSpec: Record<string, unknown> = {}): Pod {
  const template = { spec: { containers: [{ name: 'runner', image: 'job' }], ...podSpec } };
  const pool = { namespace: 'ci', name: 'linux', uid: 'u1', spec: spec({ template, ...changes }) };
  return runnerPod(pool, PLACE, SETTINGS).spec as unknown as Pod;
}

const envOf = (container: Container | undefined) =>
  Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
const named = (list: Container[], name: string) => list.find((one) => one.name === name);
const filesOf = (pod: Pod, volume: string) =>
  pod.volumes
    .find(({ name }) => name === volume)
    ?.projected?.sources.map(({ secret }) => [secret.name, ...secret.items.map(({ key }) => key)]);

describe('a pod in which the results service leads to the sidecar', () => {
  const db = { name: 'db', image: 'pg' };
  const pod = podOf(
    { forge: GITHUB },
    {
      hostAliases: [{ ip: '10.0.0.9', hostnames: ['mirror'] }],
      securityContext: { fsGroup: 7, sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] },
      initContainers: [{ name: 'fetch', image: 'git' }],
      containers: [{ name: 'runner', image: 'job', env: [{ name: 'CURL_CA_BUNDLE', value: '/own' }] }, db],
    },
  );

  it('has the alias on a loopback address of its own, and may listen there as nobody', () => {
    expect(pod.hostAliases).toEqual([
      { ip: '10.0.0.9', hostnames: ['mirror'] },
      { ip: '127.0.84.79', hostnames: [HOST] },
    ]);
    expect(pod.securityContext).toEqual({
      fsGroup: 7,
      sysctls: [
        { name: 'kernel.shm_rmid_forced', value: '1' },
        { name: 'net.ipv4.ip_unprivileged_port_start', value: '443' },
      ],
    });
  });

  it('gives key and certificate to the sidecar alone, and the authority`s key to nobody', () => {
    expect(filesOf(pod, 'harrier-tls')).toEqual([['linux-harrier-tls', 'tls.crt', 'tls.key', 'roots.crt']]);
    expect(filesOf(pod, 'harrier-trust')).toEqual([['linux-harrier-tls', 'ca.crt', 'bundle.crt']]);
    const mounting = (volume: string) =>
      [...pod.initContainers, ...pod.containers]
        .filter(({ volumeMounts }) => volumeMounts?.some(({ name }) => name === volume))
        .map(({ name }) => name);
    expect(mounting('harrier-tls')).toEqual(['harrier']);
    expect(mounting('harrier-trust')).toEqual(['fetch', 'runner', 'db']);
    expect(JSON.stringify(pod)).not.toContain('harrier-ca');
    expect(envOf(named(pod.initContainers, 'harrier'))).toMatchObject({
      HARRIER_RESULTS_UPSTREAM: `https://${HOST}`,
      HARRIER_INTERCEPTION_ADDRESS: '127.0.84.79:443',
      HARRIER_INTERCEPTION_DIR: '/var/run/harrier/tls',
    });
  });

  it('is trusted in every container of the template, by what that has not set itself', () => {
    const bundle = '/var/run/harrier/trust/bundle.crt';
    const trust = {
      NODE_EXTRA_CA_CERTS: '/var/run/harrier/trust/ca.crt',
      SSL_CERT_FILE: bundle,
      GIT_SSL_CAINFO: bundle,
      REQUESTS_CA_BUNDLE: bundle,
    };
    expect(envOf(named(pod.containers, 'runner'))).toMatchObject({ ...trust, CURL_CA_BUNDLE: '/own' });
    expect(envOf(named(pod.containers, 'db'))).toEqual({ ...trust, CURL_CA_BUNDLE: bundle });
    expect(envOf(named(pod.initContainers, 'fetch'))).toEqual({ ...trust, CURL_CA_BUNDLE: bundle });
  });

  it('keeps a template`s own sysctl that lets the port', () => {
    const sysctls = [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }];
    expect(podOf({ forge: GITHUB }, { securityContext: { sysctls } }).securityContext).toEqual({ sysctls });
  });

  it.each([
    ['tls', 'linux-harrier-tls'],
    ['ca', 'linux-harrier-ca'],
  ])(
    'refuses a template that would mount the Secret with the %s key, or names our volumes',
    (_what, secretName) => {
      const volumes = [
        { name: 'mine', secret: { secretName } },
        { name: 'harrier-trust', emptyDir: {} },
      ];
      const containers = [{ name: 'runner', volumeMounts: [{ name: 'harrier-tls', mountPath: '/tls' }] }];
      expect(templateRefusals({ volumes, containers }).map(({ field }) => field)).toEqual([
        'spec.template.spec.volumes[0].secret.secretName',
        'spec.template.spec.volumes[1].name',
        'spec.template.spec.containers[0].volumeMounts[0].name',
      ]);
    },
  );
});

describe('a pod without it', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['intercept is false', { forge: GITHUB, cache: { intercept: false } }, {}],
    ['it is refused', { forge: GITHUB }, { hostAliases: [{ ip: '10.0.0.9', hostnames: [HOST] }] }],
  ])('has no alias of ours, no authority and no environment where %s', (_what, changes, podSpec) => {
    const pod = podOf(changes, podSpec);
    expect(pod.hostAliases).toEqual(podSpec.hostAliases);
    expect(pod.securityContext).toBeUndefined();
    expect(pod.volumes.map(({ name }) => name)).not.toContain('harrier-trust');
    const names = [...pod.initContainers, ...pod.containers].flatMap((one) => Object.keys(envOf(one)));
    for (const name of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'HARRIER_INTERCEPTION_DIR'])
      expect(names).not.toContain(name);
  });

  it('is, for a pool without a forge, the pod of before: another hash would replace every runner there is', () => {
    expect(templateHash(spec(), SETTINGS)).toBe('jqjkdh6thg');
    expect(templateHash(spec({ cache: { intercept: false } }), SETTINGS)).toBe('jqjkdh6thg');
  });
});
