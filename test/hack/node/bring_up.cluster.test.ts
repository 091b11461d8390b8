import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBinaries } from '../../../hack/binaries/ensure.ts';
import { CONTROL_PLANE_PROGRAMS, NODE_PROGRAMS } from '../../../hack/binaries/programs.ts';
import type { Cluster } from '../../../hack/cluster/cluster.ts';
import { clusterUp } from '../../../hack/cluster/cluster_up.ts';
import { processesOf } from '../../../hack/cluster/node/control_groups.ts';
import { existingNetwork } from '../../../hack/cluster/node/network.ts';
import { whyNoNode } from '../../../hack/cluster/node/prerequisites.ts';
import { stopNode } from '../../../hack/cluster/node/stop.ts';
import { clusterFolder } from '../../../hack/cluster/state.ts';
import { buildDemoJobImage } from '../../../hack/image/images.ts';
import { stopOwned } from '../../../hack/processes/owned.ts';
import { run } from '../../../hack/run/command.ts';
import { remainsOf } from './remains.ts';
import { runnerLikePod } from './runner_like_pod.ts';

const reason = whyNoNode();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('a real node from nothing', { timeout: 180_000 }, () => {
  const name = `bring-up-${process.pid}`;
  const folder = clusterFolder(name);
  let cluster: Cluster;
  let nodeAddress: string;

  const kubectl = (...args: string[]) =>
    run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, '--namespace', 'runners', ...args], {
      timeoutMs: 170_000,
    });

  const inRunner = (script: string) => kubectl('exec', 'one', '-c', 'runner', '--', 'node', '-e', script);

  beforeAll(async () => {
    await ensureBinaries([...CONTROL_PLANE_PROGRAMS, ...NODE_PROGRAMS]);
    const image = await buildDemoJobImage();

    const started = performance.now();
    // Temporary: should this run be killed, the next start of any cluster takes it away.
    cluster = await clusterUp({ name, kind: 'local', temporary: true });
    const ready = performance.now();
    nodeAddress = (await existingNetwork(name))?.nodeAddress ?? '';
    await cluster.loadImage(image.file);
    const loaded = performance.now();

    await run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, 'apply', '-f', '-'], {
      input: JSON.stringify(runnerLikePod(image.reference)),
    });
    const applied = performance.now();
    await kubectl('wait', '--for=condition=Ready', 'pod/one', '--timeout=160s');
    const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
    console.log(
      `a Ready node from nothing ${seconds(started, ready)}, its image ${seconds(ready, loaded)}, ` +
        `a pod with a native sidecar ${seconds(applied, performance.now())}`,
    );
  }, 600_000);

  afterAll(async () => {
    await cluster?.down();
  }, 180_000);

  test('runs a restricted pod with a native sidecar and a read-only root', async () => {
    expect(await inRunner('console.log(process.getuid())')).toBe('65532\n');
    await expect(inRunner("require('node:fs').writeFileSync('/x', '')")).rejects.toThrow('EROFS');
    await inRunner("require('node:fs').writeFileSync('/tmp/x', '')");
    // prctl(2): 2 is a filter, as RuntimeDefault is one.
    expect(
      await inRunner("console.log(require('node:fs').readFileSync('/proc/self/status', 'utf8'))"),
    ).toMatch(/Seccomp:\t2\n/);
  });

  test('answers kubectl logs', async () => {
    // Ready is a container that runs; its program prints a moment later.
    await expect
      .poll(() => kubectl('logs', 'one', '-c', 'runner'), { timeout: 50_000 })
      .toBe('runner starts\n');
  });

  test('resolves a Service by name and leads to its pod, and to itself', async () => {
    const ask = "fetch('http://answers.runners/').then(r => r.text()).then(console.log)";
    // The Service has its endpoint, its rules and its name some time after the pod is Ready.
    await expect.poll(() => inRunner(ask), { timeout: 90_000 }).toBe('token of 7\n');
    expect(
      await inRunner("require('dns').lookup('nowhere.runners.svc.cluster.local', e => console.log(e.code))"),
    ).toBe('ENOTFOUND\n');
  });

  test('leads from pods to the apiserver, whose certificate has its names', async () => {
    const status = await inRunner(
      "require('node:https').get({ host: 'kubernetes.default.svc', path: '/version', rejectUnauthorized: false }, r => { console.log(r.statusCode, r.socket.getPeerCertificate().subjectaltname); process.exit() })",
    );
    expect(status).toMatch(/^200 .*DNS:kubernetes\.default\.svc/);
  });

  test("is reached from the host by NodePort, by the Service's address and by the pod's", async () => {
    const spec = (path: string, of: string) => kubectl('get', ...of.split(' '), '-o', `jsonpath={${path}}`);
    const nodePort = await spec('.spec.ports[0].nodePort', 'service answers');
    const urls = [
      `http://${nodeAddress}:${nodePort}/`,
      `http://${await spec('.spec.clusterIP', 'service answers')}/`,
      `http://${await spec('.status.podIP', 'pod one')}:8080/`,
    ];
    const answers = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
    expect(answers).toEqual(['token of 7', 'token of 7', 'token of 7']);
  });

  test('is gone without a trace, though records and some daemons were lost before', async () => {
    expect(processesOf(name).length).toBeGreaterThan(8);
    expect(remainsOf(name, folder)).not.toEqual([]);
    // The records are lost too: the sweep of the next start knows the name and the folder, no more.
    rmSync(join(folder, 'processes.jsonl'), { force: true });
    for (const pid of processesOf(name).slice(0, 5)) process.kill(pid, 'SIGKILL');
    await stopOwned(folder);
    await stopNode(name, folder);
    rmSync(folder, { recursive: true, force: true });
    expect(remainsOf(name, folder)).toEqual([]);
    // A second sweep finds nothing and is no error.
    await stopNode(name, folder);
  });
});
