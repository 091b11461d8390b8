import { ForgeError } from '../forge_error.ts';

export interface RunnerLabel {
  /** What jobs ask for. */
  name: string;
  /** As the runner itself writes it, `linux:host`: it wants to write its file anew where one differs. */
  text: string;
}

const HOST = 'host';
const DOCKER = 'docker';

/**
 * Labels as Gitea's runner and Forgejo's read them: `name`, `name:host` or `name:docker://image`. Without a schema jobs
 * run where the runner does, in the pod itself.
 */
export function runnerLabel(label: string): RunnerLabel {
  const [name = '', schema = HOST, ...rest] = label.split(':');
  const arg = rest.join(':');
  if (name === '' || (schema !== HOST && schema !== DOCKER))
    throw new ForgeError(
      'Refused',
      `the label ${label} can't be: labels are name, name:host or name:docker://image`,
    );
  return { name, text: arg === '' ? `${name}:${schema}` : `${name}:${schema}:${arg}` };
}
