import { credentialIn } from '../../credentials/form.ts';
import type { ValidateCredential } from '../../credentials/validate.ts';
import {
  type GoodCredential,
  type RefusedCredential,
  refusedCredential,
  type Verdict,
} from '../../credentials/verdict.ts';
import { type Secret, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { Supplied } from '../../resources/supplied.ts';
import { isOwnSecret } from '../own_secret.ts';
import type { CredentialOwner } from './owner.ts';
import { asOf, isDue, type Judged, succeeding } from './when_to_validate.ts';

/** What becomes of supplied credentials: they are looked at where they are, and no copy of any is kept. */
export interface Credentials {
  /** What the owner's credential is worth, by a look that is a few seconds old at most. Good where it brings none. */
  look(owner: CredentialOwner): Promise<Verdict>;
  /** The credential itself, from its Secret as it is now; for the hand-out alone. Undefined where there is none. */
  read(
    owner: CredentialOwner,
  ): Promise<(GoodCredential & { credential: string }) | RefusedCredential | undefined>;
}

export interface CredentialsOptions {
  client: Pick<KubeClient, 'get'>;
  validate: ValidateCredential;
  now(): Date;
}

/** A Secret is neither watched nor listed: it is read by name, and not more often than this, in ms. */
export const LOOK_MS = 4_000;
/** Owners that are remembered; the one not looked at for longest is forgotten, and validated anew when it comes. */
const MOST_OWNERS = 10_000;

interface Known {
  lookedAtMs: number;
  judged: Judged;
}

type Supplier = CredentialOwner & { supplied: Supplied };

export function createCredentials({ client, validate, now }: CredentialsOptions): Credentials {
  const known = new Map<string, Known>();
  /** Looks under way: a pool and its runners ask at the same time. */
  const looking = new Map<string, Promise<Verdict>>();

  async function judge(owner: Supplier, secret: Secret | undefined): Promise<Verdict> {
    const key = keyOf(owner);
    const version = `${secret?.metadata.uid}/${secret?.metadata.resourceVersion}`;
    const last = known.get(key)?.judged;
    const judged = isDue(last, version, now().getTime())
      ? succeeding(last, version, await verdictOn(owner, secret), now().getTime())
      : (last as Judged);
    remember(key, { lookedAtMs: now().getTime(), judged });
    return asOf(judged.verdict, owner.path, now().getTime());
  }

  async function verdictOn(owner: Supplier, secret: Secret | undefined): Promise<Verdict> {
    const { path, namespace, supplied } = owner;
    const { name } = supplied.secretRef;
    if (secret === undefined)
      return refusedCredential(
        'CredentialSecretMissing',
        `Secret ${namespace}/${name} (${path}.secretRef) is not there`,
      );
    // With the controller's rights a pool's author could else have other runners' tokens, or the signing keys, sent out.
    if (isOwnSecret(secret.metadata))
      return refusedCredential(
        'CredentialInvalid',
        `${path}.secretRef.name names a Secret of Harrier's own, which is no credential of yours`,
      );
    const value = valueIn(secret, supplied);
    if (value === undefined)
      return refusedCredential(
        'CredentialSecretMissing',
        `Secret ${namespace}/${name} has no key ${supplied.secretRef.key} (${path}.secretRef.key)`,
      );
    return await validate(value, supplied, path);
  }

  function remember(key: string, entry: Known): void {
    known.delete(key);
    known.set(key, entry);
    const [oldest] = known.keys();
    if (known.size > MOST_OWNERS && oldest !== undefined) known.delete(oldest);
  }

  const secretOf = ({ namespace, supplied }: Supplier) =>
    client.get(SecretKind, namespace, supplied.secretRef.name);

  return {
    async look(owner) {
      if (!supplies(owner)) return { good: true, recorded: owner.own };
      const key = keyOf(owner);
      const last = known.get(key);
      if (last !== undefined && now().getTime() - last.lookedAtMs < LOOK_MS)
        return asOf(last.judged.verdict, owner.path, now().getTime());
      const underWay = looking.get(key) ?? secretOf(owner).then((secret) => judge(owner, secret));
      looking.set(key, underWay);
      return await underWay.finally(() => looking.delete(key));
    },
    async read(owner) {
      if (!supplies(owner)) return undefined;
      const secret = await secretOf(owner);
      const verdict = await judge(owner, secret);
      if (!verdict.good) return verdict;
      const form = credentialIn((secret && valueIn(secret, owner.supplied)) ?? Buffer.alloc(0));
      return 'credential' in form
        ? { ...verdict, credential: form.credential }
        : refusedCredential('CredentialInvalid', `${owner.path}.secretRef: the credential ${form.problem}`);
    },
  };
}

function supplies(owner: CredentialOwner): owner is Supplier {
  return owner.supplied !== undefined;
}

/** Another way of validation is another question, even about the same Secret. */
function keyOf({ namespace, supplied, path }: Supplier): string {
  return `${namespace} ${path} ${JSON.stringify(supplied)}`;
}

function valueIn(secret: Secret, { secretRef }: Supplied): Buffer | undefined {
  const data = secret.data?.[secretRef.key];
  return data === undefined ? undefined : Buffer.from(data, 'base64');
}
