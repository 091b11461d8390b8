import type { WebSocket } from 'ws';
import type { AgentDrain, AgentOrder } from '../../protocol/agent.ts';
import { AGENT_CLOSES, type AgentClose } from '../../protocol/agent_close.ts';
import type { RuntimeClaims } from '../../tokens/claims.ts';

/** Orders that a peer has not read yet, in bytes: one that reads nothing must not fill the memory. */
const MAX_UNREAD = 64 * 1024;

/** What is kept of one runner's connection. There are thousands of them, so each field counts. */
export class Connection {
  readonly socket: WebSocket;
  readonly claims: RuntimeClaims;
  /** The JWT, to be verified again when the keys change. */
  readonly bearer: string;
  /** UID of the Registration token that the runner descends from. */
  readonly parentUid: string | undefined;
  /** When something was last heard of the peer, and when it was last asked, in ms of the monotonic clock. */
  heardAt: number;
  pingedAt = Number.NEGATIVE_INFINITY;
  /** The last message's answer; they are worked on one after the other. */
  tail: Promise<void> = Promise.resolve();
  /** Messages that have no answer yet. */
  open = 0;
  /** Messages of the present window of time, and when it began. */
  said = 0;
  windowAt = Number.NEGATIVE_INFINITY;
  /** What the runner was last told of being wanted gone. */
  drain: AgentDrain | undefined;
  /** The apiserver is being asked for its token. */
  asking = false;
  /** Since when nothing can be learned of its token, on the monotonic clock. */
  doubtedSince: number | undefined;
  closing = false;

  constructor(
    socket: WebSocket,
    identity: { claims: RuntimeClaims; bearer: string; parentUid: string | undefined },
  ) {
    this.socket = socket;
    this.claims = identity.claims;
    this.bearer = identity.bearer;
    this.parentUid = identity.parentUid;
    this.heardAt = performance.now();
  }

  /** For how long its token has been in doubt, which begins now if it was not before, in ms. */
  doubted(): number {
    const now = performance.now();
    this.doubtedSince ??= now;
    return now - this.doubtedSince;
  }

  send(order: AgentOrder): void {
    if (this.closing) return;
    if (this.socket.bufferedAmount > MAX_UNREAD) this.close('policy');
    else this.socket.send(JSON.stringify(order));
  }

  close(why: AgentClose): void {
    if (this.closing) return;
    this.closing = true;
    const [code] = AGENT_CLOSES[why];
    this.socket.close(code, why);
  }

  /** Tells the runner whether it is wanted gone, where that is news to it. */
  tellDrain(drain: AgentDrain | undefined): void {
    if (drain?.since === this.drain?.since && drain?.deadline === this.drain?.deadline) return;
    this.drain = drain;
    this.send(drain === undefined ? { type: 'resume' } : { type: 'drain', ...drain });
  }
}
