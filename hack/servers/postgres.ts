import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../cluster/free_ports.ts';
import { findProgram } from '../cluster/node/prerequisites.ts';
import { withLock } from '../processes/lock.ts';
import { aptInstall } from '../run/apt_install.ts';
import { run } from '../run/command.ts';
import { type Started, start } from '../run/started.ts';
import { type Account, accountOf, commandAs } from './account.ts';

/** Debian's folder, a subfolder for each major version. */
const DEBIAN = '/usr/lib/postgresql';
/** Users that the server may run as when we are root, which it refuses to be. */
const USERS = ['postgres', 'nobody'];
const USER = 'harrier';
const PASSWORD = 'test-password-of-postgres';

export interface PostgresServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly passwordFile: string;
  /** A superuser's database; UTF-8, with a collation that is not that of bytes. */
  readonly database: string;
  /** Ends it at once and leaves its files: `SIGINT` in order, `SIGQUIT` as a crash does. */
  halt(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  /** Begins again after `halt`; returns when it answers. */
  resume(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Lines for postgresql.conf. */
  settings?: readonly string[];
  /** Certificate and key, PEM, for TLS. */
  tls?: { readonly certificate: string; readonly key: string };
}

/** Why no PostgreSQL can run here, or undefined when one can, perhaps after its installation. */
export function whyNoPostgres(): string | undefined {
  if (programs() !== undefined) return undefined;
  if (process.getuid?.() !== 0) return 'PostgreSQL is not installed, and only root can install it';
  return existsSync('/usr/bin/apt-get') ? undefined : 'PostgreSQL is not installed, and there is no apt-get';
}

/** A real PostgreSQL of its own on a free port of loopback, with empty files. Installs Debian's package when need be. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const bin = await ensurePostgres();
  const root = await mkdtemp(join(tmpdir(), 'harrier-postgres-'));
  const [data, passwordFile] = [join(root, 'data'), join(root, 'password')];
  const as = await accountOf(USERS);
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  if (as !== undefined) {
    for (const path of [root, data, passwordFile]) await chown(path, as.uid, as.gid);
  }
  const command = (program: string, args: readonly string[]) => commandAs(as, join(bin, program), args);

  const [initdb, initArgs] = command('initdb', [
    ...[
      '-D',
      data,
      '-U',
      USER,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--no-sync',
      '-E',
      'UTF8',
    ],
    ...['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'],
  ]);
  await run(initdb, initArgs, { cwd: root });
  const tls = options.tls === undefined ? [] : await keepTls(data, options.tls, as);
  await writeFile(join(data, 'postgresql.auto.conf'), [...tls, ...(options.settings ?? [])].join('\n'));

  const [port = 0] = await freePorts(1);
  let server: Started | undefined;
  const resume = async () => {
    const [postgres, args] = command('postgres', [
      '-D',
      data,
      '-p',
      String(port),
      '-h',
      '127.0.0.1',
      '-k',
      root,
    ]);
    server = start(postgres, args, {}, root);
    const [ready, readyArgs] = command('pg_isready', ['-h', '127.0.0.1', '-p', String(port)]);
    for (const began = Date.now(); ; await sleep(50)) {
      const answers = await run(ready, readyArgs, { cwd: root }).then(
        () => true,
        () => false,
      );
      if (answers) return;
      if (Date.now() - began > 60_000) throw new Error(`PostgreSQL does not answer:\n${server.words()}`);
    }
  };
  const halt = async (signal: 'SIGINT' | 'SIGQUIT') => {
    if (server === undefined) return;
    process.kill(server.pid, signal);
    await server[Symbol.asyncDispose]();
    server = undefined;
  };
  await resume();
  return {
    ...{ host: '127.0.0.1', port, user: USER, password: PASSWORD, passwordFile, database: 'postgres' },
    halt,
    resume,
    async stop() {
      await halt('SIGINT');
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Installs the server when it is absent; answers the folder of its programs. */
export async function ensurePostgres(): Promise<string> {
  const there = programs();
  if (there !== undefined) return there;
  const reason = whyNoPostgres();
  if (reason !== undefined) throw new Error(reason);
  return withLock(join(tmpdir(), 'harrier-apt.lock'), async () => {
    const installed = programs();
    if (installed !== undefined) return installed;
    // Else the package makes and starts a server of its own.
    await mkdir('/etc/postgresql-common', { recursive: true });
    await writeFile('/etc/postgresql-common/createcluster.conf', 'create_main_cluster = false\n', {
      flag: 'a',
    });
    await aptInstall(['postgresql'], () => {});
    const after = programs();
    if (after === undefined) throw new Error(`apt-get installed PostgreSQL, yet it is not in ${DEBIAN}`);
    return after;
  });
}

function programs(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  const newest = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, 'bin'));
  const folders = [...newest, findProgram('postgres')?.replace(/\/postgres$/, '')];
  return folders.find((folder) => folder !== undefined && existsSync(join(folder, 'initdb')));
}

async function keepTls(
  data: string,
  { certificate, key }: NonNullable<PostgresServerOptions['tls']>,
  as: Account | undefined,
): Promise<string[]> {
  for (const [name, text] of [['server.crt', certificate] as const, ['server.key', key] as const]) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    if (as !== undefined) await chown(join(data, name), as.uid, as.gid);
  }
  return ['ssl = on'];
}
