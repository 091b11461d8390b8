import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type SidecarProcess, startSidecar } from '../sidecar_process.ts';

export const CANARY = 'canary-Jq93kdP27x-material';
export const JOIN_PATH = '/v1/runner/join';

export interface JoinStand {
  sidecar: SidecarProcess;
  /** States that the sidecar has reported. */
  states: string[];
  /** Idempotency-Keys of the calls for the material. */
  keys: string[];
  /** Another sidecar in the place of the one that is gone. */
  restart(): Promise<SidecarProcess>;
  stop(): Promise<void>;
}

/** A real sidecar before an api of which only two paths are of interest; `answer` is that of the one for the material. */
export async function startJoinStand(
  { bundle, tokenFile }: { bundle: string; tokenFile: string },
  folder: string,
  answer: RequestListener,
): Promise<JoinStand> {
  const states: string[] = [];
  const keys: string[] = [];
  const api = createServer(async (request, response) => {
    if (request.url === JOIN_PATH) {
      keys.push(String(request.headers['idempotency-key']));
      answer(request, response);
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    const { state } = JSON.parse(body) as { state: string };
    states.push(state);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ state }));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const start = () =>
    startSidecar(bundle, {
      HARRIER_API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
      HARRIER_TOKEN_FILE: tokenFile,
      HARRIER_JOIN_DIR: folder,
    });
  let sidecar = await start();
  return {
    get sidecar() {
      return sidecar;
    },
    states,
    keys,
    async restart() {
      sidecar = await start();
      return sidecar;
    },
    async stop() {
      await sidecar.stop();
      api.closeAllConnections();
      api.close();
    },
  };
}

export const gives: RequestListener = (_request, response) =>
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ files: { 'runner.json': CANARY } }));

export const refuses =
  (status: number, code: string, detail = 'no', headers = {}): RequestListener =>
  (_request, response) =>
    response
      .writeHead(status, { 'content-type': 'application/problem+json', ...headers })
      .end(JSON.stringify({ status, code, detail }));

/** The answers one after the other, the last one again and again. */
export const inTurn = (...answers: RequestListener[]): RequestListener => {
  let next = 0;
  return (request, response) => answers[Math.min(next++, answers.length - 1)]?.(request, response);
};
