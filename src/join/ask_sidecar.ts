import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JoinAnswer } from '../protocol/join.ts';
import { JOIN_FILE_NAME } from '../protocol/join_file_name.ts';

export interface AskSidecarOptions {
  /** Where the sidecar listens on the pod's loopback. */
  url: URL;
  /** For how long it may take in all, in ms. */
  patienceMs: number;
}

/** Pause before a sidecar is asked again that does not answer, since it is being restarted, in ms. */
const PAUSE_MS = 200;
/** For how long the sidecar may hold one request while it has nothing yet, in seconds. */
const WAIT_SECONDS = 15;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The files that the runner joins its forge with, as soon as the sidecar has them. Throws an Error for a person, that
 * holds nothing of them.
 */
export async function askSidecar({ url, patienceMs }: AskSidecarOptions): Promise<JoinAnswer['files']> {
  const patience = AbortSignal.timeout(patienceMs);
  const target = new URL(`/v1/runner/join?wait=${WAIT_SECONDS}`, url);
  let last = 'the sidecar did not answer';
  for (;;) {
    try {
      const { status, body } = await fetchOnce(target, patience);
      if (status === 200) return filesOf(body);
      last = wordsOf(body) ?? `the sidecar answered ${status}`;
      if (status !== 503) throw new Error(last);
    } catch (error) {
      if (patience.aborted) throw new Error(`nothing within ${Math.round(patienceMs / 1000)} s: ${last}`);
      if (!isAway(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

function fetchOnce(url: URL, signal: AbortSignal): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > MAX_BYTES) response.destroy();
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      // It may have been the only one there is: that is for the next attempt.
      response.once('error', () => reject(new Error('the answer of the sidecar broke off')));
      response.once('close', () => reject(new Error('the answer of the sidecar broke off')));
    });
    request.once('error', reject);
  });
}

function isAway(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' || code === 'ECONNRESET';
}

function filesOf(body: string): JoinAnswer['files'] {
  const files = Object.entries((parsed(body)?.files ?? {}) as Record<string, unknown>);
  const good = files.every(([name, text]) => JOIN_FILE_NAME.test(name) && typeof text === 'string');
  if (!good || files.length === 0) throw new Error('the sidecar gave no files that could be written');
  return Object.fromEntries(files) as JoinAnswer['files'];
}

/** The problem's detail (RFC 9457), which never holds a secret. */
function wordsOf(body: string): string | undefined {
  const { code, detail } = parsed(body) ?? {};
  return typeof code === 'string' && typeof detail === 'string' ? `${code}: ${detail}` : undefined;
}

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // No cause: it would quote what may be secret.
    return undefined;
  }
}
