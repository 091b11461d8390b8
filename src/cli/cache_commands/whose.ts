import type { Given, Option } from '../command.ts';
import { UsageError } from '../failure.ts';

export const WHOSE_OPTIONS = {
  repository: { type: 'string', short: 'R', value: 'OWNER/NAME', help: 'the cache of this repository' },
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAME',
    help: 'of a repository that several namespaces have: the one of this namespace',
  },
  pool: {
    type: 'string',
    value: 'NAMESPACE/NAME',
    help: 'the cache of a pool that serves no single repository',
  },
} as const satisfies Record<string, Option>;

/** Whose entries a command is about. */
export interface Whose {
  name: string;
  /** Of the api, up to `/actions`. */
  path: string;
  query: { namespace?: string };
}

/** What the command line names; undefined where it names nothing. Throws UsageError on what is none. */
export function whoseIn(given: Given): Whose | undefined {
  const [repository, pool, namespace] = ['repository', 'pool', 'namespace'].map((name) => given.text(name));
  if (repository !== undefined && pool !== undefined)
    throw new UsageError('--repository and --pool exclude each other');
  if (namespace !== undefined && repository === undefined)
    throw new UsageError('--namespace is of a --repository');
  if (pool !== undefined) {
    const [of, name] = halves(pool, '--pool is NAMESPACE/NAME');
    return { name: pool, path: `/v1/pools/${of}/${name}/actions`, query: {} };
  }
  if (repository === undefined) return undefined;
  const [owner, name] = halves(repository, '--repository is OWNER/NAME');
  return {
    name: repository,
    path: `/repos/${owner}/${name}/actions`,
    query: namespace === undefined ? {} : { namespace },
  };
}

export function requireWhose(given: Given): Whose {
  const whose = whoseIn(given);
  if (whose === undefined) throw new UsageError('whose cache? Say it by --repository or --pool');
  return whose;
}

/** Both percent-encoded; what is before the last slash may have slashes itself, as groups of GitLab have. */
function halves(text: string, otherwise: string): [string, string] {
  const slash = text.lastIndexOf('/');
  const parts = [text.slice(0, Math.max(0, slash)), text.slice(slash + 1)] as const;
  if (parts.some((part) => part === '' || part === '.' || part === '..')) throw new UsageError(otherwise);
  return [encodeURIComponent(parts[0]), encodeURIComponent(parts[1])];
}
