import { describe, expect, it } from 'vitest';
import { joinRefusals } from '../../../src/controller/pool/join_refusals.ts';
import { runnerPod } from '../../../src/controller/pool/runner_pod.ts';
import { templateHash } from '../../../src/controller/pool/template_hash.ts';
import { templateRefusals } from '../../../src/controller/pool/template_refusal.ts';
import { launchOf } from '../../../src/forges/launch.ts';
import type { ForgeType } from '../../../src/resources/pool_forge.ts';
import { spec } from './builders.ts';

const SETTINGS = { image: 'harrier:1', apiUrl: 'http://api:8080' };
const PLACE = { slot: 2, serial: 7, attempt: 3, templateHash: 'abc' };
const MOUNT = { name: 'harrier-join', mountPath: '/var/run/harrier/join' };

type Container = Record<string, unknown> & {
  name: string;
  env: { name: string; value: string }[];
  volumeMounts?: { name: string }[];
  securityContext: Record<string, unknown>;
};

const forge = (type: ForgeType) => ({
  type,
  url: 'https://forge.example.com',
  credentialsSecretRef: { name: 'c' },
});

function poolSpec(podSpec: Record<string, unknown> = {}, type: ForgeType = 'gitea', changes = {}) {
  const containers = [{ name: 'runner', image: 'job' }];
  return spec({ forge: forge(type), template: { spec: { containers, ...podSpec } }, ...changes });
}

function podOf(...args: Parameters<typeof poolSpec>) {
  const pool = { namespace: 'ci', name: 'linux', uid: 'u1', spec: poolSpec(...args) };
  const made = runnerPod(pool, PLACE, SETTINGS).spec as {
    initContainers: Container[];
    containers: Container[];
    volumes: { name: string }[];
  };
  const named = (name: string) =>
    [...made.initContainers, ...made.containers].find((one) => one.name === name);
  return { ...made, join: named('harrier-join'), sidecar: named('harrier'), runner: named('runner') };
}

const environmentOf = (container: Container | undefined) =>
  Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));

describe('the pod of a runner that joins a forge', () => {
  it('brings the material right after the sidecar, before anything of the template', () => {
    const { initContainers, join } = podOf({ initContainers: [{ name: 'fetch', image: 'git' }] });
    expect(initContainers.map(({ name }) => name)).toEqual(['harrier', 'harrier-join', 'fetch']);
    expect(join).toMatchObject({ image: 'harrier:1', args: ['join'], volumeMounts: [MOUNT] });
    expect(environmentOf(join)).toEqual({
      HARRIER_URL: 'http://127.0.0.1:8479/',
      HARRIER_JOIN_DIR: '/var/run/harrier/join',
      HARRIER_JOIN_TIMEOUT: '540',
    });
  });

  it('keeps it in memory, for the runner, the sidecar and the join container alone', () => {
    const { volumes, initContainers, containers, runner, sidecar } = podOf({
      initContainers: [{ name: 'fetch', image: 'git' }],
      containers: [
        { name: 'db', image: 'pg' },
        { name: 'runner', image: 'job' },
      ],
    });
    expect(volumes).toContainEqual({
      name: 'harrier-join',
      emptyDir: { medium: 'Memory', sizeLimit: expect.any(String) },
    });
    const mounting = [...initContainers, ...containers].filter((one) =>
      one.volumeMounts?.some(({ name }) => name === 'harrier-join'),
    );
    expect(mounting.map(({ name }) => name)).toEqual(['harrier', 'harrier-join', 'runner']);
    expect(environmentOf(runner).HARRIER_JOIN_DIR).toBe('/var/run/harrier/join');
    expect(environmentOf(sidecar).HARRIER_JOIN_DIR).toBe('/var/run/harrier/join');
  });

  it('gives the join container what restricted Pod Security asks for', () => {
    expect(podOf({ securityContext: { runAsUser: 1000 } }).join?.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  it.each<[what: string, runner: object, pod: object, type: ForgeType, user: number, group?: number]>([
    ['the container says', { runAsUser: 5, runAsGroup: 6 }, { runAsUser: 7, runAsGroup: 8 }, 'gitea', 5, 6],
    ['the pod says', {}, { runAsUser: 7, runAsGroup: 8 }, 'gitea', 7, 8],
    ['the pod says of the group', { runAsUser: 5 }, { runAsGroup: 8 }, 'external', 5, 8],
    ['the image of actions/runner has', {}, {}, 'github', 1001],
    ['the image of Forgejo’s runner has', {}, { runAsNonRoot: true }, 'forgejo', 1000],
    ['the image of Gitea’s runner has', {}, {}, 'gitea', 0],
    ['the image of gitlab-runner has', {}, {}, 'gitlab', 0],
  ])('runs the join container as the user that %s', (_, runner, securityContext, type, user, group) => {
    const containers = [{ name: 'runner', image: 'job', securityContext: runner }];
    const joining = poolSpec({ containers, securityContext }, type);
    expect(joinRefusals(joining)).toEqual([]);
    const made = podOf({ containers, securityContext }, type);
    expect(made.join?.securityContext).toMatchObject({ runAsUser: user, runAsNonRoot: user !== 0 });
    expect(made.join?.securityContext.runAsGroup).toBe(group);
    expect(made.runner?.securityContext).toEqual(runner);
  });

  it.each<[what: string, type: ForgeType, context: object]>([
    ['of a program that nobody knows', 'external', {}],
    ['that must not be root, where the usual image is', 'gitlab', { runAsNonRoot: true }],
  ])('asks for the user %s', (_, type, securityContext) => {
    const containers = [
      { name: 'db', image: 'pg' },
      { name: 'runner', image: 'job', securityContext },
    ];
    expect(joinRefusals(poolSpec({ containers }, type)).map(({ field }) => field)).toEqual([
      'spec.template.spec.containers[1].securityContext.runAsUser',
    ]);
  });

  it.each<ForgeType>(['github', 'gitea', 'forgejo', 'gitlab'])('starts the runner of %s itself', (type) => {
    const command = podOf({}, type).runner?.command;
    expect(command).toEqual(launchOf(type));
    expect(command).not.toEqual([]);
  });

  it('leaves a command or arguments of the template’s own as they are', () => {
    const own = (fields: object) =>
      podOf({ containers: [{ name: 'runner', image: 'job', ...fields }] }).runner;
    expect(own({ command: ['mine'] })?.command).toEqual(['mine']);
    expect(own({ args: ['--mine'] })).toMatchObject({ args: ['--mine'] });
    expect(own({ args: ['--mine'] })).not.toHaveProperty('command');
    expect(podOf({ securityContext: { runAsUser: 1 } }, 'external').runner).not.toHaveProperty('command');
  });

  it('lets the last lines of a runner tell why it failed, unless the template says otherwise', () => {
    expect(podOf().runner?.terminationMessagePolicy).toBe('FallbackToLogsOnError');
    const containers = [{ name: 'runner', image: 'job', terminationMessagePolicy: 'File' }];
    expect(podOf({ containers }).runner?.terminationMessagePolicy).toBe('File');
  });

  it('lets the join container end before the runner’s time to start is over', () => {
    const patience = (startupTimeout: string) =>
      environmentOf(podOf({}, 'gitea', { lifecycle: { startupTimeout } }).join).HARRIER_JOIN_TIMEOUT;
    expect([patience('1s'), patience('60s'), patience('24h')]).toEqual(['1', '54', '77760']);
  });
});

describe('the template of such a pool', () => {
  const refused = (podSpec: Record<string, unknown>) => {
    const made = poolSpec(podSpec, 'github');
    return [...templateRefusals(made.template.spec), ...joinRefusals(made)].map(({ field }) => field);
  };
  const runner = { name: 'runner', image: 'job' };

  it.each<[what: string, podSpec: Record<string, unknown>, field: string]>([
    ['takes the volume’s name', { volumes: [{ name: 'harrier-join', emptyDir: {} }] }, 'volumes[0].name'],
    [
      'mounts it beside the runner',
      { containers: [runner, { name: 'db', volumeMounts: [{ ...MOUNT, mountPath: '/x' }] }] },
      'containers[1].volumeMounts[0].name',
    ],
    [
      'mounts it before the runner',
      { initContainers: [{ name: 'i', volumeMounts: [MOUNT] }] },
      'initContainers[0].volumeMounts[0].name',
    ],
    ['takes the container’s name', { initContainers: [{ name: 'harrier-join' }] }, 'initContainers[0].name'],
    [
      'puts a volume of its own in the folder’s place',
      { containers: [{ ...runner, volumeMounts: [{ name: 'v', mountPath: '/var/run//harrier/join/' }] }] },
      'containers[0].volumeMounts[0].mountPath',
    ],
  ])('is refused where it %s', (_, podSpec, field) => {
    expect(refused(podSpec)).toEqual([`spec.template.spec.${field}`]);
  });

  it('is not where it has volumes of its own elsewhere', () => {
    const mounts = [{ name: 'v', mountPath: '/var/run/harrier' }];
    expect(refused({ containers: [{ ...runner, volumeMounts: mounts }] })).toEqual([]);
  });
});

describe('a pool without a forge', () => {
  /** Of the release before forges: another hash would replace every runner there is. */
  it('has the pod that it always had', () => {
    expect(templateHash(spec(), SETTINGS)).toBe('jqjkdh6thg');
    const full = spec({
      agent: { enabled: true },
      artifacts: { enabled: true },
      template: {
        metadata: { labels: { a: 'b' } },
        spec: {
          securityContext: { runAsUser: 1000 },
          initContainers: [{ name: 'fetch', image: 'git' }],
          containers: [
            { name: 'runner', image: 'job', volumeMounts: [{ name: 'w', mountPath: '/w' }] },
            { name: 'db', image: 'pg' },
          ],
          volumes: [{ name: 'w', emptyDir: {} }],
        },
      },
    });
    expect(templateHash(full, SETTINGS, { path: '/n/t', tenant: 't', limitBytes: 5 })).toBe('g8s5xncmqq');
    expect(joinRefusals(full)).toEqual([]);
  });
});
