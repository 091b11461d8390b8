import { HARRIER_CLAIM } from '../../tokens/claims.ts';
import type { Connection } from './connection.ts';

/** The open connections, to be found by whatever may end them. */
export class Directory {
  readonly #byToken = new Map<string, Connection>();
  readonly #byPod = new Map<string, Connection>();
  readonly #byParent = new Map<string, Set<Connection>>();

  get count(): number {
    return this.#byToken.size;
  }

  /** All of them; those that come or go meanwhile do no harm. */
  all(): IterableIterator<Connection> {
    return this.#byToken.values();
  }

  ofToken(uid: string): Connection | undefined {
    return this.#byToken.get(uid);
  }

  ofPod(uid: string): Connection | undefined {
    return this.#byPod.get(uid);
  }

  /** Of the runners that descend from this Registration token. */
  ofParent(uid: string): Iterable<Connection> {
    return this.#byParent.get(uid) ?? [];
  }

  /** Answers the connection that the same runner had until now. */
  add(connection: Connection): Connection | undefined {
    const { claims, parentUid } = connection;
    const previous = this.#byToken.get(claims.jti);
    if (previous !== undefined) this.remove(previous);
    this.#byToken.set(claims.jti, connection);
    const { pod } = claims[HARRIER_CLAIM];
    if (pod !== undefined) this.#byPod.set(pod.uid, connection);
    if (parentUid !== undefined) this.#siblings(parentUid).add(connection);
    return previous;
  }

  remove(connection: Connection): void {
    const { claims, parentUid } = connection;
    if (this.#byToken.get(claims.jti) !== connection) return;
    this.#byToken.delete(claims.jti);
    const { pod } = claims[HARRIER_CLAIM];
    if (pod !== undefined) this.#byPod.delete(pod.uid);
    if (parentUid === undefined) return;
    const siblings = this.#siblings(parentUid);
    siblings.delete(connection);
    if (siblings.size === 0) this.#byParent.delete(parentUid);
  }

  #siblings(parentUid: string): Set<Connection> {
    let siblings = this.#byParent.get(parentUid);
    if (siblings === undefined) {
      siblings = new Set();
      this.#byParent.set(parentUid, siblings);
    }
    return siblings;
  }
}
