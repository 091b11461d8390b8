import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { imageConfiguration, versioned, writeArchive } from '../../../hack/image/archive.ts';
import { type LayerEntry, withFolders, writeLayer } from '../../../hack/image/layer.ts';
import { readTar } from './read_tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'harrier-image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = join(folder, 'source.js');
writeFileSync(source, 'console.log(1)\n');
const entries: LayerEntry[] = [
  { path: '/app/main.js', type: 'file', from: source, mode: 0o755 },
  { path: '/bin/sh', type: 'link', to: 'busybox' },
  { path: '/etc/passwd', type: 'text', text: 'root:x:0:0::/:/bin/sh\n' },
  { path: '/tmp', type: 'folder', mode: 0o1777 },
];

describe('a layer', () => {
  test('is the same to the byte whatever the order, the times and the folder it was made in', async () => {
    const one = await writeLayer(entries, join(folder, 'one'));
    utimesSync(source, new Date(), new Date(0));
    const other = await writeLayer([...entries].reverse(), join(folder, 'other'));
    expect(other.digest).toBe(one.digest);
    expect(readFileSync(other.file)).toEqual(readFileSync(one.file));
    expect(createHash('sha256').update(readFileSync(one.file)).digest('hex')).toBe(one.digest);
  });

  test('is another one when a byte of a file has changed', async () => {
    const before = await writeLayer(entries, join(folder, 'changed'));
    const changed = join(folder, 'changed.js');
    writeFileSync(changed, 'console.log(2)\n');
    const file: LayerEntry = { path: '/app/main.js', type: 'file', from: changed, mode: 0o755 };
    const after = await writeLayer([file, ...entries.slice(1)], join(folder, 'changed'));
    expect(after.digest).not.toBe(before.digest);
  });

  test('is not written again when nothing has changed', async () => {
    const { file } = await writeLayer(entries, join(folder, 'kept'));
    const then = new Date(1_000_000_000_000);
    utimesSync(file, then, then);
    await writeLayer(entries, join(folder, 'kept'));
    expect(statSync(file).mtime).toEqual(then);
  });

  test('holds owners, modes and links as given, and the folders above each path', async () => {
    const { file } = await writeLayer(entries, join(folder, 'modes'));
    const found = await readTar(file);
    expect(found.map(({ name, type, mode }) => [name, type, mode.toString(8)])).toEqual([
      ['app/', 'directory', '755'],
      ['app/main.js', 'file', '755'],
      ['bin/', 'directory', '755'],
      ['bin/sh', 'symlink', '777'],
      ['etc/', 'directory', '755'],
      ['etc/passwd', 'file', '644'],
      ['tmp/', 'directory', '1777'],
    ]);
    expect(found.every(({ uid, gid, mtime }) => uid === 0 && gid === 0 && mtime === 0)).toBe(true);
    expect(found[1]?.content.toString()).toBe('console.log(1)\n');
    expect(found[3]?.linkname).toBe('busybox');
  });

  test('refuses a path that is named twice', () => {
    expect(() => withFolders([...entries, { path: '/tmp', type: 'link', to: 'x' }])).toThrow('/tmp twice');
  });
});

describe('an archive', () => {
  test('has the shape of docker save: manifest, configuration under its digest, layers with their DiffIDs', async () => {
    const layer = await writeLayer(entries, join(folder, 'archive'));
    const image = {
      reference: 'harrier:dev',
      layers: [layer],
      entrypoint: ['/usr/local/bin/node', '/app/main.js'],
      env: { PATH: '/bin' },
      user: '65532:65532',
      workingDir: '/app',
    };
    const file = join(folder, 'image.tar');
    await writeArchive(image, file);
    const { id } = imageConfiguration(image);
    const members = new Map((await readTar(file)).map(({ name, content }) => [name, content]));
    expect(JSON.parse(String(members.get('manifest.json')))).toEqual([
      {
        Config: `${id}.json`,
        RepoTags: ['harrier:dev', versioned('harrier:dev', id)],
        Layers: [`${layer.digest}/layer.tar`],
      },
    ]);
    const configuration = members.get(`${id}.json`) ?? Buffer.alloc(0);
    expect(createHash('sha256').update(configuration).digest('hex')).toBe(id);
    expect(JSON.parse(String(configuration))).toMatchObject({
      os: 'linux',
      config: {
        User: '65532:65532',
        Entrypoint: ['/usr/local/bin/node', '/app/main.js'],
        Env: ['PATH=/bin'],
      },
      rootfs: { diff_ids: [`sha256:${layer.digest}`] },
    });
    const stored = members.get(`${layer.digest}/layer.tar`) ?? Buffer.alloc(0);
    expect(createHash('sha256').update(stored).digest('hex')).toBe(layer.digest);
  });
});
