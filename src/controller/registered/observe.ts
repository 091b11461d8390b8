import { isDeepStrictEqual } from 'node:util';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { isRegistrationFor } from '../../tokens/registration_standing.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { ownerOfRunner } from '../credentials/owner.ts';
import type { Descent } from '../descent.ts';
import type { KeyRing } from '../keys/key_ring.ts';
import { unansweredRequest } from '../requests/serve_request.ts';
import { inherited } from '../token/token_manifest.ts';
import type { View } from '../view.ts';
import type { ObservedRegistered } from './observed.ts';

export interface RegisteredObserver {
  view: View;
  descent: Descent;
  ring: Pick<KeyRing, 'has'>;
  credentials: Pick<Credentials, 'look'>;
}

/** Gathers what is known of a registered runner's token; reads one Secret if it brings a credential. */
export async function observeRegistered(
  token: RunnerToken,
  { view, descent, ring, credentials }: RegisteredObserver,
): Promise<{ observed: ObservedRegistered; pool: RunnerPool | undefined }> {
  const { spec, status, metadata } = token;
  const pool = view.pools.get(metadata.namespace, spec.poolRef.name);
  return {
    pool,
    observed: {
      phase: status?.phase ?? 'Pending',
      fallen: descent.fallen(token) !== undefined,
      asInherited: isInherited(token, view.tokens.byUid(spec.parentRef?.uid ?? '')),
      poolStands: pool !== undefined && (spec.poolRef.uid ?? pool.metadata.uid) === pool.metadata.uid,
      deregistered: status?.endedAt !== undefined,
      replaced: status?.replacedBy !== undefined,
      terminated: status?.runner?.state === 'Terminated',
      keyGone: status?.keyId !== undefined && !ring.has(status.keyId),
      expiresAtMs: timeMs(status?.expiresAt),
      endedAtMs: timeMs(status?.revokedAt ?? status?.expiresAt),
      credential: await credentialOf(token, pool, credentials),
      request: unansweredRequest(status),
    },
  };
}

async function credentialOf(
  token: RunnerToken,
  pool: RunnerPool | undefined,
  credentials: Pick<Credentials, 'look'>,
): Promise<ObservedRegistered['credential']> {
  const { phase = 'Pending', conditions = [] } = token.status ?? {};
  const lives = phase === 'Pending' || phase === 'Active';
  if (token.spec.supplied === undefined || pool === undefined || !lives) return undefined;
  return {
    verdict: await credentials.look(ownerOfRunner(token, pool)),
    told: conditions.find((one) => one.type === 'Degraded')?.reason,
  };
}

/** Whoever may make RunnerTokens must not get by one what its parent was not for. */
function isInherited(token: RunnerToken, parent: RunnerToken | undefined): boolean {
  const { parentRef, poolRef, scope, routing } = token.spec;
  const pool = { namespace: token.metadata.namespace, name: poolRef.name };
  if (!isRegistrationFor(parent, pool)) return false;
  const own = { parentRef, scope, routing };
  const from = { scope: undefined, routing: undefined, ...inherited(parent) };
  return isDeepStrictEqual(own, from);
}

function timeMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
