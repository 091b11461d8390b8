import { PodPart } from '../../resources/group.ts';

type Variable = { name: string } & Record<string, unknown>;

export const SIDECAR_URL = `http://127.0.0.1:${PodPart.sidecarPort}/`;
/** 2100-01-01: clients only ask whether it has passed. */
const FAR_AWAY_SECONDS = 4_102_444_800;

/**
 * The variables of the runner container. HARRIER_URL is always ours; those of the cache and of artifacts are ours, over
 * the template's own, while the pool has them enabled, and the template's (or absent) when it has not.
 */
export function runnerEnvironment(
  templateEnv: readonly Variable[],
  enabled: { cache: boolean; artifacts: boolean },
): Variable[] {
  const ours: Variable[] = [
    { name: 'HARRIER_URL', value: SIDECAR_URL },
    ...(enabled.cache
      ? [
          { name: 'ACTIONS_CACHE_URL', value: SIDECAR_URL },
          { name: 'ACTIONS_CACHE_SERVICE_V2', value: 'true' },
        ]
      : []),
    ...(enabled.cache || enabled.artifacts
      ? [
          { name: 'ACTIONS_RESULTS_URL', value: SIDECAR_URL },
          { name: 'ACTIONS_RUNTIME_TOKEN', value: RUNTIME_TOKEN_PLACEHOLDER },
        ]
      : []),
  ];
  const names = new Set(ours.map((one) => one.name));
  return [...templateEnv.filter((one) => !names.has(one.name)), ...ours];
}

/**
 * Unsigned, the same in every pod and good for nothing: stock clients don't start without a token, and those in Go
 * read its `ac`, `exp` and `nbf` to learn what they may do. The sidecar never looks at it.
 */
export const RUNTIME_TOKEN_PLACEHOLDER = [
  { alg: 'none', typ: 'JWT' },
  {
    ac: JSON.stringify([{ Scope: 'refs/heads/main', Permission: 3 }]),
    exp: FAR_AWAY_SECONDS,
    iat: 0,
    nbf: 0,
    scp: 'Actions.Results:harrier:harrier',
  },
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.')
  .concat('.');
