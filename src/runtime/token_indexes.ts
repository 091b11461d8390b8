import type { RunnerToken } from '../resources/runner_token.ts';

/** By what the api finds RunnerTokens beside their UID. */
export const TOKEN_INDEXES = {
  /** Registration tokens by the hash of their value. */
  hash: ({ spec, status }: RunnerToken) => (spec.type === 'Registration' ? status?.tokenHash : undefined),
  /** Runtime tokens by the UID of their parent. */
  parent: ({ spec }: RunnerToken) => (spec.type === 'Runtime' ? spec.parentRef?.uid : undefined),
  /** Tokens of registered runners, all their attempts. */
  runner: ({ metadata, spec }: RunnerToken) =>
    spec.runner === undefined
      ? undefined
      : registeredRunnerKey(metadata.namespace, spec.poolRef.name, spec.runner.name),
};

export function registeredRunnerKey(namespace: string, pool: string, runner: string): string {
  return `${namespace}/${pool}/${runner}`;
}
