import type { Condition } from '../../resources/conditions.ts';
import type { Observed } from './observed.ts';
import type { AskedForge } from './observed_forge.ts';

/** A condition's status with the reason and message that go with it. */
export type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Why no new runner may be made at all. */
export function blockedBy(observed: Observed): Verdict | undefined {
  const refusal = observed.templateRefusals[0];
  if (refusal !== undefined) return says('True', 'TemplateRefused', `${refusal.field} ${refusal.message}`);
  if (observed.credentials === 'Missing') {
    const name = observed.pool.spec.forge.credentialsSecretRef?.name ?? '';
    return says(
      'True',
      'CredentialsSecretMissing',
      `Secret ${observed.pool.namespace}/${name} (spec.forge.credentialsSecretRef) is not there`,
    );
  }
  const { credential, interception, forge } = observed;
  if (forge.standing !== 'None' && forge.trouble?.blocks) return forgeTrouble(forge.trouble);
  if (!credential.good) return says('True', credential.reason, credential.message);
  if (observed.parent.standing === 'Blocked')
    return says('True', observed.parent.reason, observed.parent.message);
  if (interception.standing === 'Given' && interception.trouble !== undefined)
    return says('True', 'InterceptionNotReady', interception.trouble);
  return undefined;
}

/** Whether what new runners mount is still being made, by the controller itself and within a moment. */
export function awaitsInterception({ interception }: Observed): boolean {
  return interception.standing === 'Given' && !interception.ready;
}

/** What keeps the forge from working, as a verdict on the pool. */
export function forgeTrouble({ reason, message }: NonNullable<AskedForge['trouble']>): Verdict {
  return says('True', `Forge${reason}`, message);
}

export function says(status: Condition['status'], reason: string, message: string): Verdict {
  return { status, reason, message };
}
