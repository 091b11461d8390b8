import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isAlive, processIdentitySchema } from '../processes/identity.ts';
import { CLUSTER_KINDS } from './cluster.ts';

const stateSchema = z.object({
  kind: z.enum(CLUSTER_KINDS),
  /** Missing until the cluster was ready once. */
  kubeconfig: z.string().optional(),
  /** The process that the cluster dies with: its starter until it is ready, and ever after for a temporary one. */
  owner: processIdentitySchema.optional(),
});
export type ClusterState = z.infer<typeof stateSchema>;

/** Names end up in those of network namespaces, cgroups and Docker containers. */
export const clusterNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
    'a cluster name has lower-case letters, digits and hyphens, at most 32',
  );

export function clustersFolder(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'harrier', 'clusters');
}

export function clusterFolder(name: string): string {
  return join(clustersFolder(), clusterNameSchema.parse(name));
}

export function lockFile(name: string): string {
  return join(clustersFolder(), '.locks', name);
}

export function clusterNames(): string[] {
  try {
    return readdirSync(clustersFolder()).filter((name) => clusterNameSchema.safeParse(name).success);
  } catch {
    return [];
  }
}

/** undefined when there is no such cluster, or nothing that can be read of it. */
export function readState(name: string): ClusterState | undefined {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(stateFile(name), 'utf8')));
  } catch {
    return undefined;
  }
}

export function writeState(name: string, state: ClusterState): void {
  mkdirSync(clusterFolder(name), { recursive: true, mode: 0o700 });
  const next = `${stateFile(name)}.next`;
  writeFileSync(next, `${JSON.stringify(state)}\n`);
  renameSync(next, stateFile(name));
}

/** True when the process that a cluster should have died with is gone. */
export function isAbandoned(state: ClusterState | undefined): boolean {
  return state?.owner !== undefined && !isAlive(state.owner);
}

const stateFile = (name: string) => join(clusterFolder(name), 'state.json');
