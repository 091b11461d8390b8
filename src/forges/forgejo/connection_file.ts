import type { RunnerLabel } from '../gitea/runner_labels.ts';

interface Connection {
  uuid: string;
  token: string;
  labels: readonly RunnerLabel[];
  /** Base URL of the forge. */
  address: string;
}

/** One of `server.connections` in the configuration of Forgejo's runner 12.8 and later; JSON is YAML. */
export function connectionFile({ uuid, token, labels, address }: Connection): string {
  const url = `${address.replace(/\/+$/, '')}/`;
  return JSON.stringify({ url, uuid, token, labels: labels.map(({ text }) => text) });
}
