import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../hack/cluster/free_ports.ts';
import { startProgram } from '../hack/program.ts';
import { start } from '../hack/run/started.ts';
import type { Lab } from './lab.ts';
import { runnersOf } from './pool.ts';
import { workingToken } from './runner_tokens.ts';

/** A sidecar before the api, and a file server that does nothing else, for the same clients. */
export interface TransferStand extends AsyncDisposable {
  urls: Record<Server, string>;
  sidecarPid: number;
  apiPid: number;
}

export type Server = 'bare' | 'harrier';

export async function openTransferStand(
  lab: Lab,
  pool: string,
  sidecarEnv: Record<string, string> = {},
): Promise<TransferStand> {
  await using opened = new AsyncDisposableStack();
  const runners = await runnersOf(lab, pool, 1);
  opened.defer(() => runners.gone());
  const tokenFile = join(lab.scratch, `token-${pool}`);
  await writeFile(tokenFile, await workingToken(lab, runners.pods[0]?.metadata.name ?? ''), { mode: 0o600 });
  const bare = opened.use(
    start(process.execPath, [
      join(import.meta.dirname, 'bare_file_server.ts'),
      join(lab.scratch, `bare-${pool}`),
    ]),
  );
  const [barePort = ''] = await bare.line(/^\d+$/);
  const [port] = await freePorts(1);
  const sidecar = opened.use(
    startProgram('sidecar', {
      HARRIER_API_URL: lab.apis[0]?.url ?? '',
      HARRIER_TOKEN_FILE: tokenFile,
      HARRIER_PORT: String(port),
      ...sidecarEnv,
    }),
  );
  await sidecar.line(/sidecar serves/);
  const whole = opened.move();
  return {
    urls: { bare: `http://127.0.0.1:${barePort}/`, harrier: `http://127.0.0.1:${port}/` },
    sidecarPid: sidecar.pid,
    apiPid: lab.apis[0]?.pid ?? 0,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
