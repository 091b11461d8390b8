import { describe, expect, it } from 'vitest';
import { RUNTIME_TOKEN_PLACEHOLDER } from '../../../src/controller/pool/runner_environment.ts';
import { poolLabel, runnerName } from '../../../src/controller/pool/runner_name.ts';
import { runnerPod } from '../../../src/controller/pool/runner_pod.ts';
import { templateHash } from '../../../src/controller/pool/template_hash.ts';
import { spec } from './builders.ts';

const SETTINGS = { image: 'harrier:1', apiUrl: 'http://api:8080' };
const PLACE = { slot: 2, serial: 7, attempt: 3, templateHash: 'abc' };

interface Container {
  name: string;
  env?: { name: string; value?: string; valueFrom?: unknown }[];
  volumeMounts?: { name: string }[];
}

function podOf(changes: Record<string, unknown>) {
  const pool = { namespace: 'ci', name: 'linux', uid: 'u1', spec: spec(changes) };
  const pod = runnerPod(pool, PLACE, SETTINGS);
  return {
    metadata: pod.metadata,
    spec: pod.spec as Record<string, unknown> & { containers: Container[]; initContainers: Container[] },
  };
}

function template(podSpec: Record<string, unknown>, metadata = {}) {
  return { template: { metadata, spec: { containers: [{ name: 'runner', image: 'job' }], ...podSpec } } };
}

function environmentOf(changes: Record<string, unknown>): Record<string, string | undefined> {
  const runner = podOf(changes).spec.containers.find((one) => one.name === 'runner');
  return Object.fromEntries((runner?.env ?? []).map(({ name, value }) => [name, value]));
}

describe('runnerPod', () => {
  it('keeps everything that the template holds', () => {
    const podSpec = {
      nodeSelector: { disk: 'ssd' },
      priorityClassName: 'low',
      tolerations: [{ operator: 'Exists' }],
      someFieldOfTheFuture: { a: [1, 2] },
      volumes: [{ name: 'work', emptyDir: {} }],
      initContainers: [{ name: 'fetch', image: 'git' }],
      containers: [
        { name: 'db', image: 'pg', env: [{ name: 'ACTIONS_CACHE_URL', value: 'its own' }] },
        { name: 'runner', image: 'job', command: ['run'], resources: { limits: { cpu: '2' } } },
      ],
    };
    const { metadata, spec: made } = podOf(
      template(podSpec, { labels: { team: 'a', 'harrier.dev/slot': '9' }, annotations: { note: 'b' } }),
    );
    expect(made).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      priorityClassName: 'low',
      tolerations: [{ operator: 'Exists' }],
      someFieldOfTheFuture: { a: [1, 2] },
      volumes: [{ name: 'work', emptyDir: {} }, { name: 'harrier-token' }],
      containers: [podSpec.containers[0], podSpec.containers[1]],
    });
    expect(made.initContainers.map((one) => one.name)).toEqual(['harrier', 'fetch']);
    expect(metadata).toMatchObject({
      labels: { team: 'a', 'harrier.dev/slot': '2', 'harrier.dev/pool': 'linux' },
      annotations: { note: 'b', 'harrier.dev/attempt': '3', 'harrier.dev/serial': '7' },
      ownerReferences: [{ kind: 'RunnerPool', uid: 'u1', controller: true, blockOwnerDeletion: true }],
    });
  });

  it('runs once, and without a service account token unless the template asks for one', () => {
    expect(podOf(template({ restartPolicy: 'Always' })).spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
    });
    expect(podOf(template({ automountServiceAccountToken: true })).spec.automountServiceAccountToken).toBe(
      true,
    );
  });

  it('lets only the sidecar mount the token', () => {
    const { spec: made } = podOf(template({ initContainers: [{ name: 'fetch', image: 'git' }] }));
    const mounting = [...made.initContainers, ...made.containers].filter((one) =>
      one.volumeMounts?.some((mount) => mount.name === 'harrier-token'),
    );
    expect(mounting.map((one) => one.name)).toEqual(['harrier']);
  });

  it('shows both tokens to the sidecar, and to it alone, where agent mode is on', () => {
    const { spec: made } = podOf({ agent: { enabled: true } });
    const [sidecar] = made.initContainers;
    const env = Object.fromEntries((sidecar?.env ?? []).map(({ name, value }) => [name, value]));
    expect(env).toMatchObject({
      HARRIER_TOKEN_FILE: '/var/run/secrets/harrier.dev/token',
      HARRIER_AGENT_TOKEN_FILE: '/var/run/secrets/harrier.dev/agent',
    });
    const name = `${podOf({}).metadata.name}-token`;
    expect(made.volumes).toEqual([
      {
        name: 'harrier-token',
        projected: {
          sources: [
            { secret: { name, items: [{ key: 'token', path: 'token' }] } },
            { secret: { name, items: [{ key: 'agent', path: 'agent' }], optional: true } },
          ],
        },
      },
    ]);
    expect(made.containers.flatMap((one) => one.volumeMounts ?? [])).toEqual([]);
    const without = podOf({}).spec;
    expect(JSON.stringify(without)).not.toContain('agent');
  });

  it('gives the sidecar what restricted Pod Security asks for', () => {
    expect(podOf({}).spec.initContainers[0]).toMatchObject({
      restartPolicy: 'Always',
      image: 'harrier:1',
      args: ['sidecar'],
      securityContext: {
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
  });

  it("sets the job's environment over the template's while the cache is enabled", () => {
    const env = [
      { name: 'ACTIONS_CACHE_URL', value: 'theirs' },
      { name: 'HARRIER_URL', value: 'theirs' },
      { name: 'OTHER', value: 'kept' },
    ];
    const containers = [{ name: 'runner', image: 'job', env }];
    expect(environmentOf(template({ containers }))).toEqual({
      OTHER: 'kept',
      HARRIER_URL: 'http://127.0.0.1:8479/',
      ACTIONS_CACHE_URL: 'http://127.0.0.1:8479/',
      ACTIONS_RESULTS_URL: 'http://127.0.0.1:8479/',
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_RUNTIME_TOKEN: RUNTIME_TOKEN_PLACEHOLDER,
    });
    expect(environmentOf({ ...template({ containers }), cache: { enabled: false } })).toEqual({
      OTHER: 'kept',
      ACTIONS_CACHE_URL: 'theirs',
      HARRIER_URL: 'http://127.0.0.1:8479/',
    });
  });

  it.each([
    ['https://github.com/acme', 'github', 'https://results-receiver.actions.githubusercontent.com'],
    ['https://gitea.example.com', 'gitea', 'https://gitea.example.com'],
    ['https://ghe.example.com', 'github', 'https://ghe.example.com'],
    ['https://gitlab.example.com', 'gitlab', undefined],
  ])('sends what is no cache of %s on to its own results service', (url, type, upstream) => {
    const forge = { type, url, credentialsSecretRef: { name: 'c' } };
    const [sidecar] = podOf({ forge }).spec.initContainers;
    expect(sidecar?.env?.find((one) => one.name === 'HARRIER_RESULTS_UPSTREAM')?.value).toBe(upstream);
  });

  it('has a placeholder token that is signed by nobody and lives long enough for clients that look', () => {
    const [header, claims, signature] = RUNTIME_TOKEN_PLACEHOLDER.split('.');
    const read = (part = '') =>
      JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
    expect(read(header).alg).toBe('none');
    expect(signature).toBe('');
    expect(read(claims)).toMatchObject({ nbf: 0 });
    expect(Number(read(claims).exp)).toBeGreaterThan(4_000_000_000);
    expect(JSON.parse(String(read(claims).ac))).toEqual([{ Scope: 'refs/heads/main', Permission: 3 }]);
  });
});

describe('artifacts', () => {
  it('are asked of the sidecar, with a cache or without one, where the pool has them', () => {
    const on = podOf({ artifacts: { enabled: true } }).spec.initContainers[0];
    expect(on?.env).toContainEqual({ name: 'HARRIER_ARTIFACTS', value: 'true' });
    expect(JSON.stringify(podOf({}).spec)).not.toContain('HARRIER_ARTIFACTS');
    expect(environmentOf({ artifacts: { enabled: true }, cache: { enabled: false } })).toEqual({
      HARRIER_URL: 'http://127.0.0.1:8479/',
      ACTIONS_RESULTS_URL: 'http://127.0.0.1:8479/',
      ACTIONS_RUNTIME_TOKEN: RUNTIME_TOKEN_PLACEHOLDER,
    });
  });
});

describe('templateHash', () => {
  it('changes with what shapes the pod and with nothing else', () => {
    const base = templateHash(spec(), SETTINGS);
    expect(templateHash(spec({ replicas: 9, lifecycle: { drainTimeout: '5m' } }), SETTINGS)).toBe(base);
    expect(templateHash(spec({ cache: { enabled: false } }), SETTINGS)).not.toBe(base);
    expect(templateHash(spec({ agent: { enabled: true } }), SETTINGS)).not.toBe(base);
    expect(templateHash(spec(template({ nodeName: 'n' })), SETTINGS)).not.toBe(base);
    expect(templateHash(spec(), { ...SETTINGS, image: 'harrier:2' })).not.toBe(base);
  });
});

describe('names', () => {
  it('differ by pool, slot and serial, and are the same each time', () => {
    const pool = { name: 'linux', uid: 'u1' };
    const names = [
      runnerName(pool, 0, 1),
      runnerName(pool, 0, 2),
      runnerName(pool, 1, 1),
      runnerName({ ...pool, uid: 'u2' }, 0, 1),
    ];
    expect(new Set(names).size).toBe(4);
    expect(runnerName(pool, 0, 1)).toBe(names[0]);
  });

  it.each(['a', 'linux', `${'x'.repeat(50)}.y`, 'p'.repeat(253), `${'q'.repeat(45)}-.${'r'.repeat(20)}`])(
    'of a pool %s fit a hostname and a label',
    (name) => {
      const made = runnerName({ name, uid: 'u' }, 12_345, 678);
      expect(`${made}-token`).toMatch(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
      expect(poolLabel(name)).toMatch(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
    },
  );

  it('of long pools that begin alike have labels of their own', () => {
    expect(poolLabel(`${'p'.repeat(80)}a`)).not.toBe(poolLabel(`${'p'.repeat(80)}b`));
  });
});
