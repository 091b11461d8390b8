import { PodPart } from '../../resources/group.ts';
import { isOwnSecretName } from '../own_secret.ts';

/** A field of spec.template that would let the job at a runner's token. */
export interface TemplateRefusal {
  /** Path from the RunnerPool's root, such as `spec.template.spec.hostPID`. */
  field: string;
  message: string;
}

type Fields = Record<string, unknown>;

const OUR_VOLUMES: ReadonlySet<string> = new Set([
  PodPart.tokenVolume,
  PodPart.nodeCacheVolume,
  PodPart.joinVolume,
  PodPart.interceptionVolume,
  PodPart.trustVolume,
]);

const OUR_CONTAINERS: ReadonlySet<string> = new Set([
  PodPart.sidecarContainer,
  PodPart.nodeCacheContainer,
  PodPart.joinContainer,
]);

/** Folders of the node under which every pod's Secrets or processes are to be seen. */
const TELLTALE_HOST_PATHS = ['/var/lib/kubelet', '/proc'];

/**
 * The job must never hold its own JWT: only the sidecar does. What would undo that is refused before any pod is
 * made: shared process or network namespaces, the folder of the node where kubelet keeps Secrets, the Secrets of
 * runners, the signing keys and the hand-over by name (Harrier's own namespace may be a runners' one too), and the names that the
 * sidecar's own parts have.
 */
export function templateRefusals(podSpec: Fields, nodeCachePath?: string): TemplateRefusal[] {
  const root = 'spec.template.spec';
  return [
    ...sharedNamespaces(podSpec, root),
    ...records(podSpec.volumes).flatMap((volume, index) =>
      inVolume(volume, `${root}.volumes[${index}]`, nodeCachePath),
    ),
    ...(['initContainers', 'containers'] as const).flatMap((list) =>
      records(podSpec[list]).flatMap((container, index) =>
        inContainer(container, `${root}.${list}[${index}]`),
      ),
    ),
  ];
}

function sharedNamespaces(podSpec: Fields, root: string): TemplateRefusal[] {
  const why: Record<string, string> = {
    shareProcessNamespace: "would show the sidecar's memory and files to the job",
    hostPID: "would show every process of the node to the job, the sidecars' too",
    hostNetwork: "would open the sidecar's loopback port to everything on the node",
  };
  return Object.entries(why)
    .filter(([field]) => podSpec[field] === true)
    .map(([field, message]) => ({ field: `${root}.${field}`, message }));
}

function inVolume(volume: Fields, path: string, nodeCachePath: string | undefined): TemplateRefusal[] {
  const refusals: TemplateRefusal[] = [];
  if (isHarrierVolume(volume.name))
    refusals.push({ field: `${path}.name`, message: `the name ${volume.name} is Harrier's own` });
  const secret = record(volume.secret).secretName;
  if (isHarrierSecret(secret)) refusals.push(ofHarrier(`${path}.secret.secretName`));
  records(record(volume.projected).sources).forEach((source, index) => {
    if (isHarrierSecret(record(source.secret).name))
      refusals.push(ofHarrier(`${path}.projected.sources[${index}].secret.name`));
  });
  const hostPath = record(volume.hostPath).path;
  if (typeof hostPath === 'string' && TELLTALE_HOST_PATHS.some((one) => overlaps(hostPath, one)))
    refusals.push({
      field: `${path}.hostPath.path`,
      message: "would show the node's Secrets or processes to the job",
    });
  if (typeof hostPath === 'string' && nodeCachePath !== undefined && overlaps(hostPath, nodeCachePath))
    refusals.push({
      field: `${path}.hostPath.path`,
      message: 'would show what the jobs of other repositories restored to the job',
    });
  return refusals;
}

function isHarrierVolume(name: unknown): name is string {
  return typeof name === 'string' && OUR_VOLUMES.has(name);
}

function inContainer(container: Fields, path: string): TemplateRefusal[] {
  const refusals: TemplateRefusal[] = [];
  if (typeof container.name === 'string' && OUR_CONTAINERS.has(container.name))
    refusals.push({
      field: `${path}.name`,
      message: `the name ${container.name} is Harrier's own`,
    });
  records(container.volumeMounts).forEach((mount, index) => {
    if (isHarrierVolume(mount.name))
      refusals.push({
        field: `${path}.volumeMounts[${index}].name`,
        message: "is a volume of Harrier's own, which it mounts itself where it belongs",
      });
  });
  records(container.env).forEach((variable, index) => {
    if (isHarrierSecret(record(record(variable.valueFrom).secretKeyRef).name))
      refusals.push(ofHarrier(`${path}.env[${index}].valueFrom.secretKeyRef.name`));
  });
  records(container.envFrom).forEach((source, index) => {
    if (isHarrierSecret(record(source.secretRef).name))
      refusals.push(ofHarrier(`${path}.envFrom[${index}].secretRef.name`));
  });
  return refusals;
}

function ofHarrier(field: string): TemplateRefusal {
  return {
    field,
    message: "names a Secret of Harrier's own: a runner's token, keys or the hand-over",
  };
}

function isHarrierSecret(name: unknown): boolean {
  return typeof name === 'string' && isOwnSecretName(name);
}

/** Whether one of the two folders is the other or lies in it. */
function overlaps(one: string, other: string): boolean {
  const folder = (path: string) => `${path.replace(/\/+/g, '/').replace(/\/$/, '')}/`;
  return folder(one).startsWith(folder(other)) || folder(other).startsWith(folder(one));
}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(record) : [];
}
