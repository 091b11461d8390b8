import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBinaries } from '../../hack/binaries/ensure.ts';
import { freePorts } from '../../hack/cluster/free_ports.ts';
import { openAuthority } from '../../hack/cluster/pki.ts';
import { start } from '../../hack/run/started.ts';
import type { S3Options } from '../../src/cache/blobs/s3/options.ts';

export interface S3Server {
  readonly options: S3Options;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Folder whose files are the objects, by their keys. */
  readonly folder: string;
  /** Keys of all objects. */
  keys(): Promise<string[]>;
  stop(): Promise<void>;
}

const ACCESS_KEY_ID = 'test-access';
const SECRET_ACCESS_KEY = 'test-secret-of-s3';
const BUCKET = 'cache';

/** versitygw with one empty bucket on a free port of loopback. Building it may take minutes. */
export async function startS3Server({ tls = false } = {}): Promise<S3Server> {
  const binary = join(await ensureBinaries(['versitygw']), 'versitygw');
  const root = await mkdtemp(join(tmpdir(), 'harrier-s3-'));
  const folder = join(root, 'objects', BUCKET);
  const attributes = join(root, 'attributes');
  await mkdir(folder, { recursive: true });
  await mkdir(attributes);
  const [port] = await freePorts(1);
  // An authority that no system knows.
  const authority = tls ? await openAuthority(join(root, 'pki'), 'authority') : undefined;
  const pair = await authority?.issue({ file: 's3', commonName: 's3', hosts: ['127.0.0.1'] });
  const server = start(
    binary,
    // Attributes in a folder: not every file system of a container has extended ones.
    [
      ...['--port', `127.0.0.1:${port}`, '--quiet'],
      ...(pair === undefined ? [] : ['--cert', pair.certFile, '--key', pair.keyFile]),
      ...['posix', '--sidecar', attributes, join(root, 'objects')],
    ],
    { ROOT_ACCESS_KEY: ACCESS_KEY_ID, ROOT_SECRET_KEY: SECRET_ACCESS_KEY },
  );
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const began = Date.now();
  while (!(await answers(Number(port)))) {
    if (Date.now() - began > 30_000) throw new Error(`versitygw does not answer:\n${server.words()}`);
    await sleep(50);
  }
  return {
    folder,
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY },
    options: {
      bucket: BUCKET,
      endpoint,
      region: 'us-east-1',
      prefix: 'harrier/',
      pathStyle: true,
      conditionalWrites: true,
      credentials: await credentialFiles(root),
      caFile: authority?.caFile,
    },
    async keys() {
      const found = await readdir(folder, { recursive: true, withFileTypes: true });
      return found
        .filter((file) => file.isFile())
        .map((file) => join(file.parentPath, file.name).slice(folder.length + 1));
    },
    async stop() {
      await server[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function credentialFiles(folder: string): Promise<NonNullable<S3Options['credentials']>> {
  const files = {
    accessKeyIdFile: join(folder, 'access-key-id'),
    secretAccessKeyFile: join(folder, 'secret-access-key'),
  };
  await writeFile(files.accessKeyIdFile, `${ACCESS_KEY_ID}\n`);
  await writeFile(files.secretAccessKeyFile, SECRET_ACCESS_KEY, { mode: 0o600 });
  return files;
}
