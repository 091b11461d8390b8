import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { ensureBinaries } from '../../hack/binaries/ensure.ts';
import { clusterUp } from '../../hack/cluster/cluster_up.ts';
import { run } from '../../hack/run/command.ts';

const CRDS = join(import.meta.dirname, '../../crds');
/** As `<plural>.<group>`, by the names of their files, `<group>_<plural>.yaml`. */
const KINDS = readdirSync(CRDS).flatMap((file) => {
  const [, group, plural] = /^([\w.]+)_(\w+)\.yaml$/.exec(file) ?? [];
  return group === undefined ? [] : [`${plural}.${group}`];
});
/** Objects of one call of kubectl. */
const AT_ONCE = 100;

export interface KubectlOptions {
  /** For standard input: `kubectl('apply', '-f', '-', { input })`. */
  input?: string;
  timeoutMs?: number;
}

/** A real apiserver for the tests of one file. Its fields are there from beforeAll on. */
export interface TestCluster {
  /** Path of a kubeconfig with an admin's rights. */
  readonly kubeconfig: string;
  /** A namespace that no other file uses; with everything in it, it goes when the file is done. */
  readonly namespace: string;
  /** Another such namespace, for a test that needs two. */
  newNamespace(): Promise<string>;
  /** Runs kubectl, in the file's namespace unless the arguments name another; answers what it printed. */
  kubectl(...args: string[] | [...string[], KubectlOptions]): Promise<string>;
  /** As kubectl, with `-o json` added and read. */
  kubectlJson<T = unknown>(...args: string[]): Promise<T>;
}

/**
 * To be called at the top of a test file, or inside a describe.
 * Uses the cluster of HARRIER_TEST_KUBECONFIG; where that is unset, a control plane named `test`, which stays up.
 */
export function useCluster(): TestCluster {
  const namespaces: string[] = [];
  let kubeconfig: string | undefined;
  let kubectlPath = 'kubectl';

  const kubectl = (...args: (string | KubectlOptions)[]): Promise<string> => {
    const words = args.filter((arg) => typeof arg === 'string');
    const options = args.find((arg) => typeof arg === 'object');
    const file = known(kubeconfig, 'kubeconfig');
    const defaults = [
      '--kubeconfig',
      file,
      ...(namespaces[0] === undefined ? [] : ['--namespace', namespaces[0]]),
    ];
    return run(kubectlPath, [...defaults, ...words], { timeoutMs: 60_000, ...options });
  };

  const newNamespace = async (): Promise<string> => {
    const name = `test-${randomBytes(5).toString('hex')}`;
    await kubectl('create', 'namespace', name);
    namespaces.push(name);
    // Pods are refused until the controller-manager has made it.
    await until(() => kubectl('get', 'serviceaccount', 'default', '--namespace', name));
    return name;
  };

  beforeAll(async () => {
    kubectlPath = join(await ensureBinaries(['kubectl']), 'kubectl');
    kubeconfig = process.env.HARRIER_TEST_KUBECONFIG || (await standingControlPlane());
    await applyCrds(kubectl);
    await newNamespace();
  }, 600_000);

  afterAll(async () => {
    if (kubeconfig === undefined) return;
    for (const namespace of namespaces) await emptyNamespace(kubectl, namespace);
  }, 120_000);

  return {
    get kubeconfig() {
      return known(kubeconfig, 'kubeconfig');
    },
    get namespace() {
      return known(namespaces[0], 'namespace');
    },
    newNamespace,
    kubectl,
    kubectlJson: async (...args) => JSON.parse(await kubectl(...args, '-o', 'json')),
  };
}

async function standingControlPlane(): Promise<string> {
  const note = (text: string) => process.stderr.write(`${text}\n`);
  return (await clusterUp({ name: 'test', kind: 'controlplane', note: everyTwoSeconds(note) })).kubeconfig;
}

type Kubectl = (...args: (string | KubectlOptions)[]) => Promise<string>;

/** Applying is idempotent, so two files may do it at once. */
async function applyCrds(kubectl: Kubectl): Promise<void> {
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', CRDS);
  await kubectl('wait', '--for=condition=Established', '--timeout=50s', '-f', CRDS);
  // Established a moment before they are served.
  await until(() => kubectl('get', KINDS.join(','), '--namespace', 'default'));
}

/**
 * Deletes the namespace without waiting for it. Finalizers are taken off first: the controller
 * that would have removed them ended with its test.
 */
async function emptyNamespace(kubectl: Kubectl, namespace: string): Promise<void> {
  for (const kind of ['pods', ...KINDS]) {
    const told = await kubectl('get', kind, '--namespace', namespace, '-o', 'name', '--ignore-not-found');
    const names = told.split('\n').filter((line) => line !== '');
    // Many at once: hundreds of calls one after the other would outlast the hook on a slow machine.
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const patch = ['--type=merge', '-p', '{"metadata":{"finalizers":null}}'];
      // Gone in the meantime is as good; kubectl goes on with the others.
      await kubectl('patch', ...names.slice(at, at + AT_ONCE), '--namespace', namespace, ...patch).catch(
        () => '',
      );
    }
  }
  await kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
}

async function until(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

function everyTwoSeconds(note: (text: string) => void): (text: string) => void {
  let last = 0;
  return (text) => {
    if (Date.now() - last < 2000) return;
    last = Date.now();
    note(text);
  };
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the cluster's ${what} is known from beforeAll on`);
  return value;
}
