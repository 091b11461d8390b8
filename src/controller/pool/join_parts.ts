import { launchOf } from '../../forges/launch.ts';
import { durationSeconds } from '../../resources/duration.ts';
import { PodPart } from '../../resources/group.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import { joinUserOf, type RunsAs } from './join_user.ts';
import { SIDECAR_URL } from './runner_environment.ts';
import type { RunnerSettings } from './sidecar_container.ts';

type Variable = { name: string } & Record<string, unknown>;
type Container = {
  name: string;
  command?: string[];
  args?: string[];
  env?: Variable[];
  securityContext?: RunsAs;
  volumeMounts?: unknown[];
} & Record<string, unknown>;
type PodSpec = {
  securityContext?: RunsAs;
  initContainers: Container[];
  containers: Container[];
  volumes?: unknown[];
};

/** Room for what joins a forge: a few KiB, in memory that the pod is charged for. */
const SIZE_LIMIT = '4Mi';
/** Of the time that a runner may take to start: the join container ends in time to say why it got nothing. */
const PATIENCE = 0.9;

const FOLDER: Variable = { name: 'HARRIER_JOIN_DIR', value: PodPart.joinPath };
const MOUNT = { name: PodPart.joinVolume, mountPath: PodPart.joinPath };

/**
 * The pod whose runner joins a forge: the join container right after the sidecar, before anything of the template's,
 * and the folder in memory for the two and the runner alone. A pod without a forge is the same as before.
 */
export function withJoin<T extends object>(pod: T, spec: RunnerPoolSpec, settings: RunnerSettings): T {
  const { type } = spec.forge;
  if (type === 'none') return pod;
  const { initContainers, containers, volumes = [], securityContext = {} } = pod as T & PodSpec;
  const runner = containers.find(({ name }) => name === PodPart.runnerContainer);
  const { user, group } = joinUserOf(runner?.securityContext ?? {}, securityContext, type);
  return {
    ...pod,
    initContainers: initContainers.flatMap((container) =>
      container.name === PodPart.sidecarContainer
        ? [sharing(container), joinContainer(spec, settings, user, group)]
        : [container],
    ),
    containers: containers.map((container) =>
      container.name === PodPart.runnerContainer ? launched(sharing(container), launchOf(type)) : container,
    ),
    volumes: [
      ...volumes,
      { name: PodPart.joinVolume, emptyDir: { medium: 'Memory', sizeLimit: SIZE_LIMIT } },
    ],
  };
}

function sharing(container: Container): Container {
  return {
    ...container,
    env: [...(container.env ?? []).filter(({ name }) => name !== FOLDER.name), FOLDER],
    volumeMounts: [...(container.volumeMounts ?? []), MOUNT],
  };
}

/** Arguments without a command are meant for the image's own. */
function launched(runner: Container, launch: readonly string[]): Container {
  const own = runner.command !== undefined || runner.args !== undefined || launch.length === 0;
  return {
    ...runner,
    ...(own ? {} : { command: [...launch] }),
    // What a runner that could not join says last is what its pool's failure is told by.
    terminationMessagePolicy: runner.terminationMessagePolicy ?? 'FallbackToLogsOnError',
  };
}

/** Runs as the runner's own user, so that its files are for that user alone. */
function joinContainer(
  spec: RunnerPoolSpec,
  settings: RunnerSettings,
  user: number | undefined,
  group: number | undefined,
): Container {
  const patience = Math.max(1, Math.floor(durationSeconds(spec.lifecycle.startupTimeout) * PATIENCE));
  return {
    name: PodPart.joinContainer,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    args: ['join'],
    env: [
      { name: 'HARRIER_URL', value: SIDECAR_URL },
      FOLDER,
      { name: 'HARRIER_JOIN_TIMEOUT', value: String(patience) },
    ],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    securityContext: {
      runAsNonRoot: user !== 0,
      ...(user === undefined ? {} : { runAsUser: user }),
      ...(group === undefined ? {} : { runAsGroup: group }),
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    } as RunsAs,
    volumeMounts: [MOUNT],
  };
}
