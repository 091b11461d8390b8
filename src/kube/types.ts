/** The door's face: what the rest of the code may ask of Kubernetes, without a name of the library behind it. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ReviewKind, ReviewQuestion } from './reviews.ts';

/** Any Kubernetes object; `metadata` has at least these once it was read. */
export interface KubeObject {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    deletionTimestamp?: string | undefined;
    labels?: Record<string, string> | undefined;
    annotations?: Record<string, string> | undefined;
  };
}

/** A kind of namespaced object, and how to read one; `parse` throws on what isn't one. */
export interface Kind<T extends KubeObject> {
  apiVersion: string;
  kind: string;
  /** Lower-case plural, as in the URL. */
  plural: string;
  parse(raw: unknown): T;
}

/** An object that its kind could not read: who it is, and which fields were at fault (never their values). */
export interface Malformed {
  metadata: { name: string; namespace: string; uid: string; resourceVersion: string };
  problem: string;
}

export interface ListResult<T> {
  items: T[];
  /** What was there but could not be read; logged and left out by the informer. */
  malformed: Malformed[];
  resourceVersion: string;
}

/** A manifest to send: what the server fills in is not asked for. */
export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string } & Record<string, unknown>;
} & Record<string, unknown>;

/** Which objects of a namespace are listed and watched; all when absent. */
export interface Selectors {
  labelSelector?: string | undefined;
  /** `metadata.name=x` is also what a Role that names its object by resourceNames lets one list and watch. */
  fieldSelector?: string | undefined;
}

/** Ends a request early; the call then throws the signal's reason, and whether it was carried out is unknown. */
export interface Abortable {
  signal?: AbortSignal;
}

/**
 * One kept-connection client. Every call throws KubeError (errors.ts) on a refusal of the server;
 * `get` answers undefined and `delete` answers false where the object is absent.
 */
export interface KubeClient {
  list<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    options?: Selectors & { signal?: AbortSignal },
  ): Promise<ListResult<T>>;
  get<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    name: string,
    options?: Abortable,
  ): Promise<T | undefined>;
  create<T extends KubeObject>(kind: Kind<T>, manifest: Manifest, options?: Abortable): Promise<T>;
  /** Server-side apply; `force` takes fields over from other managers (default false). */
  apply<T extends KubeObject>(
    kind: Kind<T>,
    manifest: Manifest,
    options: Abortable & { fieldManager: string; force?: boolean },
  ): Promise<T>;
  applyStatus<T extends KubeObject>(
    kind: Kind<T>,
    manifest: Manifest,
    options: Abortable & { fieldManager: string; force?: boolean },
  ): Promise<T>;
  /**
   * PUT with the manifest's resourceVersion: a compare-and-swap, 409 when another write came first. One that changes
   * nothing is no write and succeeds for everybody: whoever must win alone puts something of its own into it.
   */
  replace<T extends KubeObject>(kind: Kind<T>, manifest: Manifest, options?: Abortable): Promise<T>;
  /** JSON merge patch (RFC 7386), for the odd field such as one finalizer or annotation. */
  mergePatch<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    name: string,
    patch: Record<string, unknown>,
    options?: Abortable,
  ): Promise<T>;
  /** Deletes only the object of that UID; false when it is already gone (404, or 409 for another UID). */
  delete(
    kind: Kind<KubeObject>,
    namespace: string,
    name: string,
    options?: Abortable & {
      uid?: string;
      gracePeriodSeconds?: number;
      propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
    },
  ): Promise<boolean>;
  /** The end of a container's log: at most so many lines, and of them at most so many bytes. */
  podLog(
    namespace: string,
    name: string,
    options: Abortable & { container: string; tailLines: number; limitBytes: number },
  ): Promise<string>;
  /** Opens one watch; resolves when the server ends it, throws on a refusal (410 is `gone`) or a broken stream. */
  watch<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    options: Selectors & { resourceVersion: string; signal: AbortSignal; onOpen?: () => void },
    onEvent: (event: WatchEvent<T>) => void,
  ): Promise<void>;
  /** Asks for a review; nothing is stored, and nothing of the question stands in an error. */
  review<S>(kind: ReviewKind<S>, question: ReviewQuestion, options?: Abortable): Promise<S>;
  close(): Promise<void>;
}

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'MALFORMED' | 'MALFORMED_DELETED'; object: Malformed }
  | { type: 'BOOKMARK'; resourceVersion: string };

/** Indexed copy of the cluster's objects; what it hands out is never to be changed. */
export interface Store<T extends KubeObject> {
  list(): readonly T[];
  get(namespace: string, name: string): T | undefined;
  byUid(uid: string): T | undefined;
  /** Objects for which the index function of that name gave this value. */
  byIndex(index: string, value: string): readonly T[];
  /** Takes in the answer of one's own write, unless the watch has already brought something newer. */
  absorb(object: T): void;
  /** Takes in that the object of this UID is gone from the server (not merely marked as being deleted). */
  absorbDeleted(object: T): void;
}

export type StoreChange<T> = { type: 'set' | 'deleted'; object: T; previous?: T | undefined };

/** Keeps a Store equal to the cluster: lists, watches, survives 410, refusals, and broken connections. */
export interface Informer<T extends KubeObject> {
  readonly store: Store<T>;
  /** The first list is in the store. */
  readonly synced: boolean;
  /** Every namespace's watch is open and has been heard of (event or bookmark) recently. */
  readonly connected: boolean;
  onChange(listener: (change: StoreChange<T>) => void): void;
  /** Resolves once synced. Keeps on trying until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface InformerOptions<T extends KubeObject> extends Selectors {
  client: KubeClient;
  kind: Kind<T>;
  namespaces: readonly string[];
  indexes?: Record<string, (object: T) => string | undefined>;
  log: Logger;
  registry?: Registry;
  times?: Partial<InformerTimes>;
}

/** How an informer waits, in milliseconds. */
export interface InformerTimes {
  /** A watch of which nothing was heard for so long is taken for broken; longer than the bookmarks' minute. */
  silenceMs: number;
  /** How often everything is listed anew beside the watch, give or take a fifth. */
  resyncMs: number;
  /** Pauses after failures, doubling from least to most. */
  backoffMs: { least: number; most: number };
}

/** What a reconcile asks for next: nothing, or another look after so many milliseconds. */
export type ReconcileResult = { againAfterMs?: number | undefined };
