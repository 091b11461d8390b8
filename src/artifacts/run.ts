import { CacheRefused } from '../cache/refused.ts';
import type { ArtifactAccess } from './access.ts';

/** GUIDs and numbers, as the forges have them, and what a script would make up. */
const ID = /^[A-Za-z0-9._-]{1,128}$/;
/** What the placeholder token of a runner pod says, in whose job nobody has put a token with a run of its own. */
export const NO_RUN = 'harrier';

/**
 * The run whose artifacts a request is about. A job says its run itself, and within its tenant that is believed: the
 * tenant is what nobody can choose. A job that names none has a run of its own, which no job can name: it has a slash.
 */
export function runOf(access: ArtifactAccess, said: string): string {
  if (said === '' || said === NO_RUN) return `runner/${access.runner}`;
  return checkId(said, 'run');
}

/** Throws `invalid-artifact` for what is no id of a run or a job. */
export function checkId(id: string, what: 'run' | 'job'): string {
  if (!ID.test(id))
    throw new CacheRefused(
      'invalid-artifact',
      `The id of the ${what} must be 1 to 128 letters, digits, dots, dashes or underscores.`,
    );
  return id;
}
