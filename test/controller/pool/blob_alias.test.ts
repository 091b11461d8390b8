import { describe, expect, it } from 'vitest';
import { runnerShape } from '../../../src/controller/pool/runner_pod.ts';
import { PodPart } from '../../../src/resources/group.ts';
import { spec } from './builders.ts';

const OURS = { ip: '127.0.0.1', hostnames: [PodPart.blobHost] };
const THEIRS = { ip: '10.0.0.9', hostnames: ['mirror'] };
const ON = { parallelRestores: 'Always' };

function made(cache: Record<string, unknown>, podSpec: Record<string, unknown> = {}) {
  const containers = [{ name: 'runner', image: 'job' }];
  const pool = spec({ cache, template: { spec: { containers, ...podSpec } } });
  const { spec: pod } = runnerShape(pool, { image: 'harrier:1', apiUrl: 'http://api:8080' });
  const [sidecar] = pod.initContainers;
  const env = sidecar?.env as { name: string; value: string }[];
  return {
    aliases: pod.hostAliases,
    told: env.find(({ name }) => name === 'HARRIER_BLOB_HOST')?.value,
  };
}

describe('the alias for parallel restores', () => {
  it.each([
    ['alone', {}, [OURS]],
    ['after those of the template', { hostAliases: [THEIRS] }, [THEIRS, OURS]],
    [
      "in the template's own entry for loopback",
      { hostAliases: [{ ip: '127.0.0.1', hostnames: ['db'] }, THEIRS] },
      [THEIRS, { ip: '127.0.0.1', hostnames: ['db', PodPart.blobHost] }],
    ],
  ])('is put into the pod %s, and the sidecar told', (_where, podSpec, aliases) => {
    expect(made(ON, podSpec)).toEqual({ aliases, told: PodPart.blobHost });
  });

  const proxied = (name: string) => ({
    containers: [{ name: 'runner', image: 'job', env: [{ name, value: 'http://proxy:3128' }] }],
  });
  const taken = { hostAliases: [{ ip: '10.0.0.9', hostnames: [PodPart.blobHost] }] };
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['the pool wants none', { parallelRestores: 'Never' }, {}],
    ['plain GETs were measured to be faster', { parallelRestores: 'Auto' }, {}],
    ['nothing is set', {}, {}],
    ['there is no cache', { ...ON, enabled: false }, {}],
    ['the template gives the name away itself', ON, taken],
    ['the job has a proxy', ON, proxied('HTTP_PROXY')],
    ['the job has a proxy for everything', ON, proxied('all_proxy')],
  ])('is left out where %s', (_why, cache, podSpec) => {
    expect(made(cache, podSpec)).toEqual({ aliases: podSpec.hostAliases, told: undefined });
  });
});
