import { describe, expect, test } from 'vitest';
import { ldflags, settings } from '../../../hack/binaries/build.ts';
import { cacheFolder, pinned, requiredVersion } from '../../../hack/binaries/pinned.ts';
import {
  CLUSTER_PROGRAMS,
  FORGE_PROGRAMS,
  platformOf,
  STORE_PROGRAMS,
} from '../../../hack/binaries/programs.ts';

const linux = { os: 'linux', arch: 'amd64' };
const mac = { os: 'darwin', arch: 'arm64' };

describe('the programs of a test cluster', () => {
  test.each(CLUSTER_PROGRAMS)('%s has its version from go.mod, and a release of that version', (name) => {
    const { version, release } = pinned(name, linux);
    expect(version).toMatch(/^v\d+\.\d+\.\d+$/);
    // kwok publishes no checksums.
    if (name === 'kwok') return expect(release).toBeUndefined();
    expect(release?.url).toContain(version);
    expect(new URL(release?.url ?? '').protocol).toBe('https:');
    expect(new URL(release?.checksumUrl ?? '').host).toBe(new URL(release?.url ?? '').host);
    return undefined;
  });

  test('servers, published for Linux alone, are built elsewhere; kubectl is published for all', () => {
    expect(pinned('kube-apiserver', mac).release).toBeUndefined();
    expect(pinned('etcd', mac).release).toBeUndefined();
    expect(pinned('kubectl', mac).release?.url).toContain('/darwin/arm64/kubectl');
  });

  test("Kubernetes' programs are linked with their version, others without", () => {
    const { version } = pinned('kubelet', linux);
    expect(ldflags(pinned('kubelet', linux))).toContain(`gitVersion=${version}`);
    expect(ldflags(pinned('helm', linux))).toBe('-s -w');
  });

  test('Gitea is built with its version and SQLite, or downloaded where its project publishes it', () => {
    const gitea = pinned('gitea', linux);
    expect(settings(gitea)).toBe(
      `-s -w -X main.Version=${gitea.version.slice(1)} sqlite sqlite_unlock_notify`,
    );
    expect(gitea.release?.checksumUrl).toBe(`${gitea.release?.url}.sha256`);
    expect(pinned('gitea', mac).release).toBeUndefined();
    expect(pinned('gitea-runner', linux).release).toBeUndefined();
  });

  test.each([
    ['linux', 'x64', linux],
    ['darwin', 'arm64', mac],
  ] as const)('%s on %s', (platform, arch, wanted) => {
    expect(platformOf(platform, arch)).toEqual(wanted);
  });

  test('each platform has a cache folder of its own, the same each time', () => {
    expect(cacheFolder(['etcd'], linux)).toBe(cacheFolder(['helm', 'kind'], linux));
    expect(cacheFolder(['etcd'], linux)).not.toBe(cacheFolder(['etcd'], mac));
  });

  test('servers to store in are kept apart, so that another version of one builds no cluster anew', () => {
    expect(cacheFolder(STORE_PROGRAMS, linux)).not.toBe(cacheFolder(CLUSTER_PROGRAMS, linux));
    expect(cacheFolder(FORGE_PROGRAMS, linux)).not.toBe(cacheFolder(STORE_PROGRAMS, linux));
    expect(() => cacheFolder(['etcd', 'versitygw'], linux)).toThrow('not kept together');
    expect(pinned('versitygw', linux)).toMatchObject({ module: 's3', version: expect.stringMatching(/^v1/) });
  });
});

test.each([
  ['in a block', 'require (\n\ta.example/b v1.2.3\n)', 'v1.2.3'],
  ['as an indirect one', 'require (\n\ta.example/b v1.2.3 // indirect\n)', 'v1.2.3'],
  ['not one that only starts alike', 'require (\n\ta.example/b/v2 v2.0.0\n\ta.example/b v1.2.3\n)', 'v1.2.3'],
  [
    'not a replacement',
    'require (\n\ta.example/b v1.2.3\n)\nreplace a.example/b => a.example/b v9.9.9',
    'v1.2.3',
  ],
])('reads the required version %s', (_, goMod, wanted) => {
  expect(requiredVersion(goMod, 'a.example/b')).toBe(wanted);
});

test('a module that is not required is an error', () => {
  expect(() => requiredVersion('module x', 'a.example/b')).toThrow('requires no a.example/b');
});
