import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { Informer } from '../../kube/types.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { HARRIER_CLAIM } from '../../tokens/claims.ts';
import { type Refusal, TokenRefused } from '../../tokens/refusal.ts';
import type { TokenVerifier } from '../../tokens/verify.ts';
import type { Identity } from '../authenticate.ts';
import type { LiveTokens } from '../live_tokens.ts';
import type { PodLife } from '../pod_life.ts';
import { isServed, WHILE_ALIVE } from '../served_states.ts';
import type { StoreReport } from '../store_report.ts';
import { createAnswer } from './answer.ts';
import { Connection } from './connection.ts';
import { converse } from './conversation.ts';
import { Directory } from './directory.ts';
import { helloOf } from './hello.ts';

export interface AgentConnectionsOptions {
  verifier: Pick<TokenVerifier, 'verify'>;
  live: LiveTokens;
  tokens: Pick<Informer<RunnerToken>, 'onChange'>;
  pods: Pick<Informer<PodLife>, 'onChange' | 'store'>;
  storeReport: StoreReport;
  onRefusal(refusal: Refusal): void;
  log: Logger;
  /** Wall clock, in ms. */
  now(): number;
  times?: Partial<AgentTimes>;
}

/** How the connections wait, in milliseconds. */
export interface AgentTimes {
  /** Between two looks at all connections. */
  lookMs: number;
  /** A peer of which nothing was heard for so long is asked whether it is there. */
  pingMs: number;
  /** One that has not answered so long after it was asked is dead. */
  pongMs: number;
  /** One of whose token nothing can be learned for so long is closed; what it says meanwhile is not taken. */
  doubtMs: number;
}

const TIMES: AgentTimes = { lookMs: 1_000, pingMs: 20_000, pongMs: 15_000, doubtMs: 10_000 };
/** Connections whose token is being asked for at the apiserver at once, while a watch is broken. */
const MAX_ASKING = 32;

/** The agent connections of this replica: what they may say, what they are told, and when they end. */
export interface AgentConnections {
  readonly count: number;
  /** Takes over a socket whose token was accepted a moment ago. */
  accept(socket: WebSocket, identity: Identity, bearer: string): void;
  /** The public keys have changed: what was signed by one that is gone ends. */
  useKeys(): void;
  /** Tells every peer to come back, to another replica. */
  close(): void;
}

export function createAgentConnections(options: AgentConnectionsOptions): AgentConnections {
  const { verifier, live, tokens, pods, log, now } = options;
  const times = { ...TIMES, ...options.times };
  const directory = new Directory();
  const heard = converse(createAnswer(options), refuse);
  let asking = 0;
  let answered = Promise.withResolvers<void>();

  /**
   * A token that is dead is told so, for good. One of which nothing can be learned, or whose key isn't there, is not:
   * its runner comes back and asks. Not in the first moment of doubt, or thousands would lose their connection whenever
   * the apiserver is slow: an idle one gives nobody anything, and each message is checked for itself.
   */
  function refuse(connection: Connection, error: unknown): void {
    if (connection.closing) return;
    const refusal = error instanceof TokenRefused ? error.refusal : 'unverifiable';
    if (refusal === 'unverifiable' && connection.doubted() < times.doubtMs) return;
    options.onRefusal(refusal);
    log.info({ refusal, runner: connection.claims.sub }, 'agent connection ended');
    if (refusal === 'unverifiable' || refusal === 'unknown-key') connection.close('unverifiable');
    else if (refusal === 'expired') connection.close('expired');
    else {
      connection.send({ type: 'revoke', reason: refusal });
      connection.close('revoked');
    }
  }

  /** Holds a connection to what a request of its runner would be held to at this moment. */
  function check(connection: Connection): void {
    if (connection.closing || connection.asking) return;
    const { claims } = connection;
    try {
      if (claims.exp * 1000 <= now()) throw new TokenRefused('expired');
      const token = live.check(claims);
      if (token instanceof Promise) void ask(connection, token);
      else settle(connection, token);
    } catch (error) {
      refuse(connection, error);
    }
  }

  async function ask(connection: Connection, token: Promise<RunnerToken>): Promise<void> {
    connection.asking = true;
    asking++;
    try {
      settle(connection, await token);
    } catch (error) {
      refuse(connection, error);
    } finally {
      connection.asking = false;
      asking--;
      answered.resolve();
    }
  }

  /** Its runner may have ended by another way; while a message of its own has no answer, that answer comes first. */
  function settle(connection: Connection, token: RunnerToken): void {
    connection.doubtedSince = undefined;
    if (connection.open === 0 && !isServed(WHILE_ALIVE, token)) connection.close('ended');
  }

  tokens.onChange(({ object }) => {
    const own = directory.ofToken(object.metadata.uid);
    if (own !== undefined) check(own);
    for (const child of directory.ofParent(object.metadata.uid)) check(child);
  });
  pods.onChange(({ type, object }) => {
    const connection = directory.ofPod(object.metadata.uid);
    if (connection === undefined) return;
    check(connection);
    // An informer that was put away may still have a word to say, of an older version.
    if (type === 'set') connection.tellDrain((pods.store.byUid(object.metadata.uid) ?? object).drain);
  });

  function listen(connection: Connection): void {
    const at = performance.now();
    const { socket, heardAt, pingedAt } = connection;
    if (pingedAt > heardAt) {
      if (at - pingedAt > times.pongMs) socket.terminate();
    } else if (at - heardAt > times.pingMs) {
      connection.pingedAt = at;
      socket.ping();
    }
  }

  /** Changes come by watch. This finds what no watch tells: time, silence, and what a broken watch has missed. */
  async function look(): Promise<void> {
    for (const connection of directory.all()) {
      while (asking >= MAX_ASKING) {
        answered = Promise.withResolvers();
        await answered.promise;
      }
      listen(connection);
      check(connection);
    }
  }
  let closed = false;
  let looking = false;
  const timer = setInterval(async () => {
    // While the apiserver is asked for each, one look may take longer than the pause between two.
    if (looking) return;
    looking = true;
    await look();
    looking = false;
  }, times.lookMs).unref();

  return {
    get count() {
      return directory.count;
    },
    accept(socket, { claims, token }, bearer) {
      const connection = new Connection(socket, { claims, bearer, parentUid: token.spec.parentRef?.uid });
      if (closed) {
        connection.close('restarting');
        return;
      }
      socket.on('close', () => {
        connection.closing = true;
        directory.remove(connection);
      });
      socket.on('pong', () => {
        connection.heardAt = performance.now();
      });
      socket.on('message', (data, isBinary) => {
        if (isBinary) connection.close('policy');
        else heard(connection, String(data));
      });
      directory.add(connection)?.close('replaced');
      const { pod } = claims[HARRIER_CLAIM];
      connection.drain = pod === undefined ? undefined : pods.store.byUid(pod.uid)?.drain;
      connection.send(helloOf(claims, token, connection.drain, times.pingMs));
      // What has changed since the upgrade was checked had nobody to be told to.
      check(connection);
    },
    useKeys() {
      for (const connection of directory.all()) verifyAgain(connection);
    },
    close() {
      closed = true;
      clearInterval(timer);
      for (const connection of directory.all()) connection.close('restarting');
    },
  };

  function verifyAgain(connection: Connection): void {
    try {
      const claims = verifier.verify(connection.bearer);
      if (claims instanceof Promise) claims.catch((error) => refuse(connection, error));
    } catch (error) {
      refuse(connection, error);
    }
  }
}
