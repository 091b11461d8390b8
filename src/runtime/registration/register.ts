import { createHash, randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { isKubeError } from '../../kube/errors.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { Informer, KubeClient } from '../../kube/types.ts';
import type { RegistrationAnswer, RegistrationRequest } from '../../protocol/registration.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { HARRIER_CLAIM, runtimeClaims } from '../../tokens/claims.ts';
import { registeredTokenName } from '../../tokens/registered_name.ts';
import { Problem, problem } from '../problem.ts';
import { registeredRunnerKey } from '../token_indexes.ts';
import type { WriteApiStatus } from '../write_api_status.ts';
import type { DeliverToken } from './deliver_token.ts';
import { registeredManifest } from './registered_manifest.ts';
import type { Uses } from './uses.ts';

export interface RegisterOptions {
  client: Pick<KubeClient, 'get' | 'create'>;
  write: WriteApiStatus;
  tokens: Pick<Informer<RunnerToken>, 'store'>;
  uses: Uses;
  deliver: DeliverToken;
}

/** `idempotencyKey` is the client's own name for this registration: repeated with it, it is the same registration. */
export type Register = (
  registration: RunnerToken,
  wanted: RegistrationRequest,
  idempotencyKey: string | undefined,
) => Promise<RegistrationAnswer>;

/**
 * Lets a runner join by a Registration token that was found by its value. In this order, so that a crash after any step
 * leaves what a repetition finishes: the use is taken, a forerunner gives way, the RunnerToken is made, its JWT is waited
 * for. Throws a problem.
 */
export function createRegister({ client, write, tokens, uses, deliver }: RegisterOptions): Register {
  return async (registration, wanted, idempotencyKey) => {
    const request = requestHash(registration, idempotencyKey ?? randomUUID());
    const { namespace } = registration.metadata;
    const key = registeredRunnerKey(namespace, registration.spec.poolRef.name, wanted.name);
    const attempts = [...tokens.store.byIndex('runner', key)].sort(byAttempt);
    const live = attempts.find(isLiving);
    if (live !== undefined && live.spec.request === request) return await answer(live, registration);
    if (live !== undefined && !wanted.replace) throw exists(wanted.name);

    const host = await uses.take(registration, { runner: wanted.name, request });
    const attempt = (attempts[0]?.spec.attempt ?? 0) + 1;
    const name = registeredTokenName(host.status?.poolUid ?? '', wanted.name, attempt);
    if (live !== undefined) await replaceBy(live, name);
    const id = attempts[0]?.spec.runner?.id ?? randomUUID();
    const manifest = registeredManifest(host, wanted, { name, id, attempt, request });
    return await answer(await make(manifest, wanted.name, request), host);
  };

  /** From this write on the former attempt is refused, everywhere: the next is made only afterwards. */
  async function replaceBy(live: RunnerToken, name: string): Promise<void> {
    try {
      await write(live, ({ status }) =>
        status?.replacedBy === undefined ? { replacedBy: name } : undefined,
      );
    } catch (error) {
      // Gone already, which is as good.
      if (!(error instanceof Problem) || error.code !== 'not-found') throw error;
    }
  }

  async function make(
    manifest: ReturnType<typeof registeredManifest>,
    runner: string,
    request: string,
  ): Promise<RunnerToken> {
    const { namespace, name } = manifest.metadata;
    try {
      const made = await client.create(RunnerTokenKind, manifest);
      tokens.store.absorb(made);
      return made;
    } catch (error) {
      if (!isKubeError(error, 'alreadyExists')) throw unavailable(error);
    }
    const there = await client.get(RunnerTokenKind, namespace, name).catch((error) => {
      throw unavailable(error);
    });
    if (there?.spec.request === request && isLiving(there)) return there;
    throw exists(runner);
  }

  async function answer(token: RunnerToken, registration: RunnerToken): Promise<RegistrationAnswer> {
    // Whoever has used its JWT has it: to show it again would be to show it twice.
    if (token.status?.runner !== undefined) throw exists(token.spec.runner?.name ?? '');
    const issued = await deliver(token);
    const { [HARRIER_CLAIM]: said } = runtimeClaims.parse(decodeJwt(issued.token));
    const { routing } = registration.spec;
    return {
      ...issued,
      runner: { ...said.runner, attempt: said.attempt },
      pool: { namespace: said.namespace, name: said.pool.name },
      scope: {
        type: said.forge.scope,
        ...(said.forge.entity === undefined ? {} : { name: said.forge.entity }),
      },
      ...(routing === undefined ? {} : { routing }),
    };
  }
}

/** Bound to the Registration token: one client's key is nothing to another's. */
function requestHash(registration: RunnerToken, key: string): string {
  return createHash('sha256').update(`${registration.metadata.uid}\n${key}`).digest('base64url');
}

function byAttempt(a: RunnerToken, b: RunnerToken): number {
  return (b.spec.attempt ?? 1) - (a.spec.attempt ?? 1);
}

function isLiving({ metadata, status }: RunnerToken): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase !== 'Revoked' &&
    status?.phase !== 'Expired' &&
    status?.endedAt === undefined &&
    status?.replacedBy === undefined
  );
}

function exists(runner: string) {
  return problem(
    'runner-exists',
    `A runner named ${runner} is registered with this pool already. Choose another name, or send "replace": true.`,
  );
}

function unavailable(cause: unknown) {
  return problem('unavailable', 'The runner could not be registered; retry with the same Idempotency-Key.', {
    headers: { 'retry-after': '1' },
    cause,
  });
}
