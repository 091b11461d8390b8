import type { PoolForge } from '../resources/pool_forge.ts';

/** A runner as its forge has it on record. */
export interface ForgeRunner {
  /** The forge's id, which `remove` takes. */
  id: string;
  name: string;
  state: 'Offline' | 'Idle' | 'Busy';
}

export interface RunnerToJoin {
  /** Name of the record; see record_name.ts. */
  name: string;
  /** Never empty. */
  labels: readonly string[];
}

/** What one ephemeral runner joins with. */
export interface Joining {
  record: { id: string; name: string };
  /**
   * Files for the runner alone, by name: text, each a secret. They come into its join folder (mode 0400, in memory)
   * before the runner's container starts; what starts the runner (launch.ts) takes them away again.
   */
  files: Readonly<Record<string, string>>;
}

/** One pool's forge, with the pool's credentials. Every call rejects with ForgeError and with nothing else. */
export interface Forge {
  /** Makes the record of a runner that takes one job at most, and what the runner joins with. */
  join(runner: RunnerToJoin): Promise<Joining>;
  /** All records of the pool's scope whose names begin so, from every page of the answer. */
  list(namePrefix: string): Promise<ForgeRunner[]>;
  /** Resolves as well when there is no such record any more. Rejects as Refused while the forge keeps a busy one. */
  remove(id: string): Promise<void>;
  /** Jobs of the pool's scope that wait for a runner with no other labels than these; undefined where it can't be known. */
  queued(labels: readonly string[]): Promise<number | undefined>;
  /** What else the pool's status is to tell (status.forge.details), no secret; undefined while that is not known yet. */
  details?(): Readonly<Record<string, string>> | undefined;
  /** Closes its connections. */
  close(): Promise<void>;
}

/** What a forge's adapter is made from. */
export interface ForgeSettings {
  /** spec.forge; `url` is always given. */
  forge: PoolForge & { url: string };
  /** UID and place of the pool, for adapters that have to tell whose request it is. */
  pool: { namespace: string; name: string; uid: string };
  /** The Secret of spec.forge.credentialsSecretRef, decoded. Keys by forge: docs/forges.md. */
  secret: Readonly<Record<string, string>>;
}
