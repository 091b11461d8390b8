import type { Logger } from 'pino';
import { isKubeError } from '../../kube/errors.ts';
import { SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { WEBHOOKS_SECRET } from '../../resources/group.ts';
import { secretHeadKind } from '../kinds.ts';

/** The api's copy of what webhooks are signed with: it may read this one Secret, and none of the pools'. */
export interface WebhookSecrets {
  /** Takes in what the pool's Secret says; undefined where it says none. Never throws. */
  put(poolUid: string, value: string | undefined): void;
  /** Takes away the keys of pools that are gone, such as while nobody led. */
  sweep(poolUids: readonly string[]): Promise<void>;
}

/** After a failure it is tried again so much later, in ms. */
const RETRY_MS = 5_000;

/** Each pool's key is written by itself: nothing that a new leader has not read yet is lost meanwhile. */
export function createWebhookSecrets({
  client,
  namespace,
  log,
}: {
  client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  /** Harrier's own namespace. */
  namespace: string;
  log: Logger;
}): WebhookSecrets {
  /** By pool UID, as base64; of pools whose key was looked at or written. */
  const written = new Map<string, string>();
  const wanted = new Map<string, string | undefined>();
  let begun: Promise<void> | undefined;
  let writing = false;

  async function read(): Promise<void> {
    const secret = await client.get(SecretKind, namespace, WEBHOOKS_SECRET);
    for (const [uid, value] of Object.entries(secret?.data ?? {})) written.set(uid, value);
  }

  async function begin(): Promise<void> {
    begun ??= read();
    await begun.catch((error: unknown) => {
      begun = undefined;
      throw error;
    });
  }

  async function write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    const data = Object.fromEntries([...changes].map(([uid, value]) => [uid, value ?? null]));
    try {
      await client.mergePatch(secretHeadKind, namespace, WEBHOOKS_SECRET, { data });
    } catch (error) {
      if (!isKubeError(error, 'notFound')) throw error;
      const there = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));
      const metadata = { name: WEBHOOKS_SECRET, namespace };
      await client.create(secretHeadKind, {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        metadata,
        data: there,
      });
    }
    for (const [uid, value] of changes)
      if (value === undefined) written.delete(uid);
      else written.set(uid, value);
  }

  async function drain(): Promise<void> {
    if (writing) return;
    writing = true;
    let changes = new Map<string, string | undefined>();
    try {
      await begin();
      while (wanted.size > 0) {
        changes = new Map([...wanted].filter(([uid, value]) => written.get(uid) !== value));
        wanted.clear();
        if (changes.size > 0) await write(changes);
      }
    } catch (err) {
      log.warn({ err }, 'the secrets of webhooks could not be written and are tried again');
      for (const [uid, value] of changes) if (!wanted.has(uid)) wanted.set(uid, value);
      setTimeout(() => void drain(), RETRY_MS).unref();
    } finally {
      writing = false;
    }
  }

  return {
    put(poolUid, value) {
      wanted.set(poolUid, value === undefined ? undefined : Buffer.from(value).toString('base64'));
      void drain();
    },
    async sweep(poolUids) {
      const there = new Set(poolUids);
      await begin();
      for (const uid of written.keys()) if (!there.has(uid)) wanted.set(uid, undefined);
      await drain();
    },
  };
}
