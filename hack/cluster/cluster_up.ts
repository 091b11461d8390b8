import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBinaries } from '../binaries/ensure.ts';
import { CONTROL_PLANE_PROGRAMS, NODE_PROGRAMS, type ProgramName } from '../binaries/programs.ts';
import { identify } from '../processes/identity.ts';
import { withLock } from '../processes/lock.ts';
import type { Note } from '../progress.ts';
import { chooseKind } from './choose_kind.ts';
import type { Cluster, ClusterKind, ClusterPlace } from './cluster.ts';
import { drivers } from './kinds/drivers.ts';
import {
  type ClusterState,
  clusterFolder,
  clusterNames,
  isAbandoned,
  lockFile,
  readState,
  writeState,
} from './state.ts';

export interface ClusterUpOptions {
  name: string;
  /** Default: the kind that the cluster of this name has already, else what chooseKind picks. */
  kind?: ClusterKind | undefined;
  /** Ends with this process: should it be killed, the next start of any cluster removes what is left. */
  temporary?: boolean;
  note?: Note | undefined;
}

const CLIENTS: readonly ProgramName[] = ['kubectl', 'helm'];
const PROGRAMS_OF: Record<ClusterKind, readonly ProgramName[]> = {
  controlplane: [...CONTROL_PLANE_PROGRAMS, ...CLIENTS],
  local: [...CONTROL_PLANE_PROGRAMS, ...NODE_PROGRAMS, ...CLIENTS],
  kind: ['kind', ...CLIENTS],
  current: CLIENTS,
};

/** Brings the cluster up; one that is up and healthy is left exactly as it is. */
export async function clusterUp(options: ClusterUpOptions): Promise<Cluster> {
  const { name, note = () => {} } = options;
  const kind = options.kind ?? readState(name)?.kind ?? (await chooseKind());
  const place = await placeOf(name, PROGRAMS_OF[kind], note);
  await removeAbandoned(name, note);
  const kubeconfig = await withLock(
    lockFile(name),
    async () =>
      (await wantedKubeconfig(kind, place)) ?? (await create(kind, place, options.temporary ?? false)),
    note,
  );
  return handle(kind, place, kubeconfig);
}

/** The cluster of that name if it is up and healthy. */
export async function findCluster(name: string): Promise<Cluster | undefined> {
  const state = readState(name);
  if (state === undefined) return undefined;
  const place = await placeOf(name, PROGRAMS_OF[state.kind], () => {});
  const kubeconfig = await healthyKubeconfig(state.kind, place);
  return kubeconfig === undefined ? undefined : handle(state.kind, place, kubeconfig);
}

/** Removes the cluster, whole or in pieces; answers whether there was anything to remove. */
export async function clusterDown(name: string, note: Note = () => {}): Promise<boolean> {
  if (!clusterNames().includes(name)) return false;
  const kind = readState(name)?.kind ?? 'controlplane';
  const place = await placeOf(name, kind === 'kind' ? ['kind'] : [], note);
  await withLock(lockFile(name), () => remove(place, kind), note);
  return true;
}

async function wantedKubeconfig(kind: ClusterKind, place: ClusterPlace): Promise<string | undefined> {
  const kubeconfig = await healthyKubeconfig(kind, place);
  if (kubeconfig === undefined) return undefined;
  return (await drivers[kind].isWanted?.(place, kubeconfig)) === false ? undefined : kubeconfig;
}

async function healthyKubeconfig(kind: ClusterKind, place: ClusterPlace): Promise<string | undefined> {
  const state = readState(place.name);
  if (state?.kubeconfig === undefined || isAbandoned(state)) return undefined;
  if (state.kind !== kind) {
    throw new Error(`cluster ${place.name} is up as ${state.kind}, not ${kind}: take it down first`);
  }
  return (await drivers[kind].isHealthy(place, state.kubeconfig)) ? state.kubeconfig : undefined;
}

/** The owner is written before the first process starts, so that a start which is killed is known as abandoned. */
async function create(kind: ClusterKind, place: ClusterPlace, temporary: boolean): Promise<string> {
  await remove(place, readState(place.name)?.kind ?? kind);
  mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  const owner = identify(process.pid);
  const starting: ClusterState = { kind, ...(owner && { owner }) };
  writeState(place.name, starting);
  try {
    const kubeconfig = await drivers[kind].create(place);
    writeState(place.name, { kind, kubeconfig, ...(temporary && owner && { owner }) });
    return kubeconfig;
  } catch (error) {
    await drivers[kind].destroy(place);
    throw error;
  }
}

async function remove(place: ClusterPlace, kind: ClusterKind): Promise<void> {
  await drivers[kind].destroy(place);
  rmSync(place.folder, { recursive: true, force: true });
}

async function placeOf(name: string, programs: readonly ProgramName[], note: Note): Promise<ClusterPlace> {
  const binaries = await ensureBinaries([...new Set(programs)], note);
  return { name, folder: clusterFolder(name), binaries, note };
}

async function removeAbandoned(except: string, note: Note): Promise<void> {
  for (const name of clusterNames()) {
    const state = readState(name);
    if (name === except || state === undefined || !isAbandoned(state)) continue;
    note(`removing what a killed process left of cluster ${name}`);
    const place = await placeOf(name, state.kind === 'kind' ? ['kind'] : [], note);
    await withLock(lockFile(name), async () => {
      if (isAbandoned(readState(name))) await remove(place, state.kind);
    });
  }
}

function handle(kind: ClusterKind, place: ClusterPlace, kubeconfig: string): Cluster {
  return {
    name: place.name,
    kind,
    kubeconfig,
    kubectl: join(place.binaries, 'kubectl'),
    helm: join(place.binaries, 'helm'),
    loadImage: (tarPath) => drivers[kind].loadImage(place, tarPath),
    down: async () => {
      await clusterDown(place.name);
    },
  };
}
