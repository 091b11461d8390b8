import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type KeyPair, makeAuthority, makeLeaf } from '../../../src/controller/interception/certificates.ts';
import { type Authority, servedData } from '../../../src/controller/interception/material.ts';
import { PodPart } from '../../../src/resources/group.ts';
import { bundleSidecar, type SidecarProcess, startSidecar } from '../sidecar_process.ts';
import { ACCESS, POD_TOKEN } from '../stand.ts';
import { API_PORT } from './addresses.ts';
import type { Asked, Came } from './as_step.ts';
import type { OutsideOptions, Seen } from './outside.ts';
import { makePodNetwork, type PodNetwork } from './pod_network.ts';

export const HOST = 'results-receiver.actions.githubusercontent.com';
export const DAY_MS = 24 * 3600_000;
/** A pool's own token says so where it takes scopes from jobs. */
export const ASKING_TOKEN = [{ alg: 'none' }, { 'harrier.dev': { cache: { jobIdentity: {} } } }, '']
  .map((part) => (part === '' ? '' : Buffer.from(JSON.stringify(part)).toString('base64url')))
  .join('.');

/** A pod's network with a real sidecar in it, and all that it reaches. */
export class InterceptionStand {
  readonly #folder: string;
  readonly #bundle: string;
  readonly #outside: ChildProcess;
  readonly network: PodNetwork;
  readonly authority: Authority;
  readonly #public: Authority;
  sidecar!: SidecarProcess;

  static async start(): Promise<InterceptionStand> {
    const folder = await mkdtemp(join(tmpdir(), 'harrier-intercept-'));
    await chmod(folder, 0o755);
    const now = new Date();
    // The public roots know the real service; here they are one more authority, which only the sidecar has.
    const [own, known] = [await makeAuthority(HOST, now, DAY_MS), await makeAuthority(HOST, now, DAY_MS)];
    const github = await makeLeaf(known, now, DAY_MS);
    await mkdir(join(folder, 'tls'));
    const files = {
      'public.crt': known.certificate,
      'github.crt': github.certificate,
      'github.key': github.key,
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    const network = await makePodNetwork(
      { [PodPart.resultsAddress]: HOST },
      { 'net.ipv4.ip_unprivileged_port_start': '443' },
    );
    const options: OutsideOptions = {
      host: HOST,
      certFile: join(folder, 'github.crt'),
      keyFile: join(folder, 'github.key'),
      dataDir: join(folder, 'data'),
      callers: { [POD_TOKEN]: ACCESS, [ASKING_TOKEN]: ACCESS },
    };
    const [command = '', ...args] = [...network.within, process.execPath, fileOf('outside.ts')];
    const outside = spawn(command, [...args, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(outside, 'message');
    const bundle = await bundleSidecar(folder);
    const stand = new InterceptionStand(folder, bundle, outside, network, own, known);
    await stand.show(await makeLeaf(own, now, DAY_MS));
    await stand.setToken(POD_TOKEN);
    await stand.startSidecar();
    return stand;
  }

  private constructor(
    folder: string,
    bundle: string,
    outside: ChildProcess,
    network: PodNetwork,
    authority: Authority,
    known: Authority,
  ) {
    this.#folder = folder;
    this.#bundle = bundle;
    this.#outside = outside;
    this.network = network;
    this.authority = authority;
    this.#public = known;
  }

  /** As the user of its image, on port 443; it knows the public authority unless told otherwise. */
  async startSidecar(env: Record<string, string> = { NODE_EXTRA_CA_CERTS: this.file('public.crt') }) {
    this.sidecar = await startSidecar(
      this.#bundle,
      {
        HARRIER_API_URL: `http://127.0.0.1:${API_PORT}`,
        HARRIER_TOKEN_FILE: this.file('token'),
        HARRIER_PORT: String(PodPart.sidecarPort),
        HARRIER_RESULTS_UPSTREAM: `https://${HOST}`,
        HARRIER_INTERCEPTION_ADDRESS: `${PodPart.resultsAddress}:443`,
        HARRIER_INTERCEPTION_DIR: this.file('tls'),
        ...env,
      },
      this.network.asSidecar,
    );
  }

  file(name: string): string {
    return join(this.#folder, name);
  }

  async setToken(token: string): Promise<void> {
    await writeFile(this.file('token'), token);
    await chmod(this.file('token'), 0o644);
  }

  /** Puts a certificate where the sidecar mounts it, and what the pool's pods trust where their containers do. */
  async show(leaf: KeyPair, upstreamRoots = ''): Promise<void> {
    for (const [file, value] of Object.entries(servedData(leaf, [this.authority], upstreamRoots)))
      await writeFile(this.file(join('tls', file)), Buffer.from(value, 'base64'));
    await chown(this.file('tls/tls.key'), PodPart.sidecarUser, PodPart.sidecarUser);
  }

  /** What the controller gives the containers of the template. */
  get trust(): Record<string, string> {
    return { NODE_EXTRA_CA_CERTS: this.file('tls/ca.crt'), SSL_CERT_FILE: this.file('tls/bundle.crt') };
  }

  /** Asks as a step of the job, with that trust unless told otherwise. */
  async ask(asked: Asked, env: Record<string, string> = this.trust, flags: string[] = []): Promise<Came> {
    const [command = '', ...args] = [...this.network.within, process.execPath, ...flags];
    const { stdout } = await promisify(execFile)(
      command,
      [...args, fileOf('as_step.ts'), JSON.stringify(asked)],
      {
        env: { PATH: process.env.PATH ?? '', RESULTS_HOST: HOST, ...env },
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    return JSON.parse(stdout) as Came;
  }

  async seen(): Promise<Seen> {
    const answer = once(this.#outside, 'message');
    this.#outside.send('seen');
    const [seen] = (await answer) as [Seen];
    return seen;
  }

  async close(): Promise<void> {
    await this.sidecar.stop();
    const gone = once(this.#outside, 'exit');
    this.#outside.disconnect();
    await gone;
    await this.network.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** An authority that the job's containers do not trust. */
  get other(): Authority {
    return this.#public;
  }
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
