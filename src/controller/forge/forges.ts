import type { Forge, ForgeSettings, Joining } from '../../forges/forge.ts';
import { ForgeError } from '../../forges/forge_error.ts';
import { recordName, recordPrefix } from '../../forges/record_name.ts';
import { type Secret, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { PoolForge } from '../../resources/pool_forge.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import { isOwnSecret } from '../own_secret.ts';
import { asForgeError, failingAfter, toError } from './back_off.ts';
import { type KnownForge, unknownForge } from './known_forge.ts';

/** What the installation gives to the controller for forges. */
export interface ForgeOptions {
  /** Makes an adapter; asks nothing yet. Throws ForgeError. */
  open(settings: ForgeSettings): Forge;
  /** What the names of this installation's records begin with. */
  namePrefix: string;
}

export type PoolWithForge = RunnerPool & { spec: { forge: PoolForge & { url: string } } };

/** The forges of all pools: the one place where any is asked, each with its pool's own credentials. */
export interface Forges {
  known(poolUid: string): KnownForge;
  /** Reads the Secret anew, unless it was read a moment ago, and whether the adapter is another since then. Throws ForgeError. */
  refresh(pool: PoolWithForge): Promise<{ forge: Forge; changed: boolean }>;
  prefixOf(poolUid: string): string;
  nameOf(poolUid: string, podName: string): string;
  /**
   * Makes the record of the runner in this pod, in place of a namesake that a join which broke off has left, and what
   * it joins with. Until `noted` has resolved the record is nobody's orphan. Throws ForgeError, or what `noted` throws.
   *
   * @param before Whether a record may be there already.
   */
  join<R>(
    pool: PoolWithForge,
    podName: string,
    before: boolean,
    noted: (joining: Joining) => Promise<R>,
  ): Promise<R>;
  /**
   * Removes the record of this name, of the pool's own ones alone; false when the forge keeps it, since its runner is
   * busy or since it can't be asked. `live`: its runner could have got a job since the last look.
   */
  remove(pool: PoolWithForge, name: string, live: boolean): Promise<boolean>;
  /** The pool is gone, or has no forge any more. */
  forget(poolUid: string): void;
}

/** A Secret is neither watched nor listed: it is read by name, and not more often than this, in ms. */
const SECRET_MS = 4_000;
/** A record that the forge keeps is not asked for again for so long, in ms. */
const KEPT_MS = 30_000;

export function hasForge(pool: RunnerPool): pool is PoolWithForge {
  return pool.spec.forge.type !== 'none' && pool.spec.forge.url !== undefined;
}

/** Labels that jobs ask for. */
export function labelsOf({ metadata, spec }: RunnerPool): readonly string[] {
  return spec.forge.labels.length > 0 ? spec.forge.labels : [metadata.name];
}

export function createForges({
  client,
  options,
  onSecret,
  now,
}: {
  client: Pick<KubeClient, 'get'>;
  options: ForgeOptions;
  /** Told of a pool's webhook secret whenever the Secret was read; undefined where it has none. */
  onSecret(poolUid: string, webhookSecret: string | undefined): void;
  now(): Date;
}): Forges {
  const all = new Map<string, KnownForge>();

  function known(poolUid: string): KnownForge {
    let one = all.get(poolUid);
    if (one === undefined) {
      one = unknownForge();
      all.set(poolUid, one);
    }
    return one;
  }

  async function refresh(pool: PoolWithForge): Promise<{ forge: Forge; changed: boolean }> {
    const { namespace, name, uid } = pool.metadata;
    const it = known(uid);
    const spec = JSON.stringify(pool.spec.forge);
    const recent = it.opened !== undefined && now().getTime() - it.opened.secretReadMs < SECRET_MS;
    if (it.opened !== undefined && it.opened.spec === spec && recent)
      return { forge: it.opened.forge, changed: false };

    const secret = await readSecret(pool);
    const version = `${secret.metadata.uid}/${secret.metadata.resourceVersion}`;
    const { opened } = it;
    if (opened !== undefined && opened.spec === spec && opened.secret === version) {
      opened.secretReadMs = now().getTime();
      return { forge: opened.forge, changed: false };
    }
    const values = decoded(secret);
    onSecret(uid, values.webhookSecret);
    const forge = options.open({ forge: pool.spec.forge, pool: { namespace, name, uid }, secret: values });
    it.opened = { forge, spec, secret: version, secretReadMs: now().getTime() };
    it.failing = undefined;
    it.joinFailing = undefined;
    // Another forge, or another scope of it, has other records.
    if (opened?.spec !== spec) delete it.look;
    await opened?.forge.close().catch(() => undefined);
    return { forge, changed: true };
  }

  async function readSecret({ metadata: { namespace }, spec }: PoolWithForge): Promise<Secret> {
    const name = spec.forge.credentialsSecretRef?.name ?? '';
    const secret = await client.get(SecretKind, namespace, name);
    const of = `Secret ${namespace}/${name} (spec.forge.credentialsSecretRef)`;
    if (secret === undefined) throw new ForgeError('CredentialsInvalid', `${of} is not there`);
    // With the controller's rights a pool's author could else have other runners' tokens, or the keys, sent out.
    if (isOwnSecret(secret.metadata))
      throw new ForgeError(
        'CredentialsInvalid',
        `${of} is a Secret of Harrier's own, which is no credential`,
      );
    return secret;
  }

  function drop({ look, removed }: KnownForge, id: string): void {
    removed.add(id);
    if (look !== undefined) look.records = look.records.filter((one) => one.id !== id);
  }

  async function removeNamesakes(forge: Forge, it: KnownForge, name: string, before: boolean): Promise<void> {
    const records =
      before || it.look === undefined || it.unsure.has(name) ? await forge.list(name) : it.look.records;
    for (const record of records.filter((one) => one.name === name)) {
      await forge.remove(record.id);
      drop(it, record.id);
    }
  }

  async function makeRecord(pool: PoolWithForge, name: string, before: boolean): Promise<Joining> {
    const it = known(pool.metadata.uid);
    const nowMs = now().getTime();
    const { forge } = await refresh(pool);
    for (const failing of [it.failing, it.joinFailing])
      if (failing !== undefined && failing.againAtMs > nowMs) throw toError(failing, nowMs);
    try {
      await removeNamesakes(forge, it, name, before);
      const joining = await forge.join({ name, labels: labelsOf(pool) });
      it.unsure.delete(name);
      it.removed.delete(joining.record.id);
      it.joinFailing = undefined;
      it.look?.records.push({ ...joining.record, state: 'Offline' });
      return joining;
    } catch (error) {
      it.unsure.add(name);
      const failing = failingAfter(it.joinFailing, error, now().getTime(), Math.random());
      // What the forge has against one runner it need not have against the next.
      it.joinFailing = failing.reason === 'Refused' ? { ...failing, againAtMs: nowMs } : failing;
      throw asForgeError(error);
    }
  }

  async function removeOne(pool: PoolWithForge, name: string, live: boolean): Promise<void> {
    const it = known(pool.metadata.uid);
    const { forge } = await refresh(pool);
    const records = live || it.look === undefined ? await forge.list(name) : it.look.records;
    // By its name alone: an id that was noted down may mean another's record, since the pool's forge may have changed.
    for (const record of records.filter((one) => one.name === name)) {
      if (live && record.state === 'Busy') throw new ForgeError('Refused', 'the runner is busy');
      await forge.remove(record.id);
      drop(it, record.id);
    }
  }

  return {
    known,
    refresh,
    prefixOf: (poolUid) => recordPrefix(options.namePrefix, poolUid),
    nameOf: (poolUid, podName) => recordName(options.namePrefix, poolUid, podName),
    async join(pool, podName, before, noted) {
      const it = known(pool.metadata.uid);
      const name = recordName(options.namePrefix, pool.metadata.uid, podName);
      it.joining.add(name);
      try {
        return await it.limit(async () => await noted(await makeRecord(pool, name, before)));
      } finally {
        it.joining.delete(name);
      }
    },
    async remove(pool, name, live) {
      if (!name.startsWith(recordPrefix(options.namePrefix, pool.metadata.uid))) return false;
      const it = known(pool.metadata.uid);
      if ((it.kept.get(name) ?? 0) > now().getTime()) return false;
      try {
        await removeOne(pool, name, live);
        return true;
      } catch (error) {
        const { reason } = asForgeError(error);
        it.kept.set(name, now().getTime() + KEPT_MS);
        if (reason === 'Refused' && live) it.busy.add(name);
        if (reason === 'Unavailable' || reason === 'RateLimited') {
          it.failing = failingAfter(it.failing, error, now().getTime(), Math.random());
          it.dueMs = Math.min(it.dueMs, it.failing.againAtMs);
        }
        return false;
      }
    },
    forget(poolUid) {
      const it = all.get(poolUid);
      all.delete(poolUid);
      void it?.opened?.forge.close().catch(() => undefined);
    },
  };
}

function decoded({ data = {} }: Secret): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}
