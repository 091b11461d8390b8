import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ensureBinaries } from '../../hack/binaries/ensure.ts';
import { run } from '../../hack/run/command.ts';
import type { TestCluster } from '../support/cluster.ts';

export const CHART = join(import.meta.dirname, '../../charts/harrier');

export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: manifests of a dozen kinds, whose shapes the apiserver checks
} & Record<string, any>;

export type Values = Record<string, unknown>;

export interface Release {
  namespace?: string;
  values?: Values;
}

export async function helm(args: readonly string[], input?: string): Promise<string> {
  const binary = join(await ensureBinaries(['helm']), 'helm');
  return run(binary, args, input === undefined ? {} : { input });
}

/**
 * Every object of the chart with the values given, hooks too. The version is given because a helm that was built
 * from its module takes the cluster to be of the oldest.
 */
export async function render({
  namespace = 'harrier-system',
  values = {},
}: Release = {}): Promise<Manifest[]> {
  const args = ['template', 'harrier', CHART, '--namespace', namespace, '--kube-version', '1.34.0'];
  const text = await helm([...args, '--values', '-'], JSON.stringify(values));
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

export function only(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${kind} ${name}`);
  return found[0];
}

export function kinds(manifests: readonly Manifest[], kind: string): Manifest[] {
  return manifests.filter((one) => one.kind === kind);
}

/** Applies the manifests, each in its own namespace; answers a line for each that the apiserver took. */
export async function apply(
  cluster: TestCluster,
  manifests: readonly Manifest[],
  ...options: string[]
): Promise<string[]> {
  const lines: string[] = [];
  const byNamespace = Map.groupBy(manifests, (one) => one.metadata.namespace ?? cluster.namespace);
  for (const [namespace, group] of byNamespace) {
    const input = group.map((one) => JSON.stringify(one)).join('\n---\n');
    const args = ['apply', '--server-side', '--force-conflicts', '--namespace', namespace, ...options];
    lines.push(...(await cluster.kubectl(...args, '-f', '-', { input })).trim().split('\n'));
  }
  return lines;
}
