import type { RegisteredRunner } from './register.ts';
import type { RunnerLabel } from './runner_labels.ts';

interface Registration extends RegisteredRunner {
  labels: readonly RunnerLabel[];
  /** Base URL of the forge. */
  address: string;
}

/**
 * What Gitea's runner 1.0.8 keeps of its registration (internal/pkg/config/registration.go). With `ephemeral` it ends
 * after one job. Its labels are as it writes them itself, else it would write the file again.
 */
export function registrationFile({ id, uuid, name, token, labels, address }: Registration): string {
  return JSON.stringify({
    ...{ id: Number(id), uuid, name, token },
    address: address.replace(/\/+$/, ''),
    labels: labels.map(({ text }) => text),
    ephemeral: true,
  });
}
