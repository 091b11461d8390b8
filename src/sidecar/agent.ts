import type { AgentDrain, AgentOrder } from '../protocol/agent.ts';
import { AGENT_CLOSES } from '../protocol/agent_close.ts';
import type { RunnerStatusRequest } from '../protocol/runner.ts';
import { type AgentLink, type LinkOptions, NoLink, openLink } from './agent_link.ts';
import { answerOf, messageOf } from './agent_message.ts';
import { createOutbox } from './agent_outbox.ts';
import { afterClose, pauseBefore } from './agent_pause.ts';
import type { Answer } from './call_once.ts';
import type { Log } from './log.ts';
import { REVOKED } from './revoked.ts';
import type { StateReports } from './state_reports.ts';
import type { TokenFile } from './token_file.ts';

export interface AgentOptions {
  apiUrl: string;
  /** The agent's own JWT. */
  token: TokenFile;
  /** Where reports go while there is no connection. */
  post: StateReports;
  onDrain(drain: AgentDrain | undefined): void;
  /** The runner's identity is dead, for good. */
  onRevoke(reason: string): void;
  log: Log;
  open?: (options: LinkOptions) => Promise<AgentLink>;
}

/** The one connection that the sidecar keeps to the api in agent mode. */
export interface Agent extends StateReports {
  start(): void;
  stop(): void;
}

/** How long the api may take to acknowledge a message before it is said by POST as well, in ms: saying it twice does no harm. */
const ACK_MS = 5_000;
/** For so long a report waits for a connection that is being opened. */
const OPENING_MS = 1_000;
/** How long whoever reports waits for the api's decision, in ms. */
const DECISION_MS = 10_000;
/** How often the token file is looked at, in ms: a fresh token opens a new connection before the old one's expires. */
const TOKEN_MS = 5_000;
/** Close code of what just broke (RFC 6455 section 7.1.5). */
const BROKEN = 1006;
/** The api's answer to a runner that has reported its end: wrong-state. */
const ENDED_STATUS = 409;

export function createAgent(options: AgentOptions): Agent {
  const { apiUrl, token, post, log, open = openLink } = options;
  const waiting = new Map<string, (answer: Answer | undefined) => void>();
  let link: AgentLink | undefined;
  let linked = Promise.withResolvers<void>();
  /** The opening under way; resolved while there is none. */
  let opening: Promise<unknown> = Promise.resolve();
  /** Whether the present connection has begun with the api's word. */
  let greeted = false;
  /** The connection that was ended for a fresh token's sake. */
  let renewing: AgentLink | undefined;
  let stopped = false;
  let serial = 0;

  const outbox = createOutbox({
    async deliver(said) {
      if (link === undefined) await Promise.race([opening, sleep(OPENING_MS)]);
      return (await overLink(said)) ?? (await post.say(said, ACK_MS));
    },
    pause: (ms) => Promise.race([sleep(ms), linked.promise]),
  });

  /** Undefined when there is no connection, or when it ends or stays silent before it has answered. */
  function overLink(said: RunnerStatusRequest): Promise<Answer | undefined> {
    const current = link;
    if (current === undefined) return Promise.resolve(undefined);
    const id = String(++serial);
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined) => {
        waiting.delete(id);
        clearTimeout(timer);
        resolve(answer);
      };
      const timer = setTimeout(settle, ACK_MS, undefined).unref();
      waiting.set(id, settle);
      current.send(messageOf(said, id));
    });
  }

  function obey(order: AgentOrder): void {
    switch (order.type) {
      case 'hello':
        greeted = true;
        options.onDrain(order.drain);
        return;
      case 'ack':
      case 'error':
        if (order.id !== undefined) waiting.get(order.id)?.(answerOf(order));
        return;
      case 'drain':
        log('info', 'the runner is wanted gone', { since: order.since, deadline: order.deadline });
        options.onDrain({ since: order.since, deadline: order.deadline });
        return;
      case 'resume':
        log('info', 'the runner is wanted again');
        options.onDrain(undefined);
        return;
      case 'revoke':
        revoke(order.reason);
        return;
    }
  }

  function revoke(reason: string): void {
    if (stopped) return;
    stopped = true;
    log('warn', 'the identity of this runner was revoked', { reason });
    outbox.end(REVOKED);
    options.onRevoke(reason);
  }

  async function keep(): Promise<void> {
    let failures = 0;
    while (!stopped) {
      const code = await once();
      if (stopped) return;
      const next = afterClose(code);
      if (next === 'never') {
        if (code === AGENT_CLOSES.revoked[0]) revoke('revoked');
        return;
      }
      // Something before the api may open connections and drop them: only the api's own word ends the failures.
      failures = greeted ? 0 : failures + 1;
      if (next !== 'at-once') await sleep(pauseBefore(Math.max(next, failures)));
    }
  }

  /** One connection, from its opening to its end; the code it was closed with, 1006 when none came about. */
  async function once(): Promise<number> {
    greeted = false;
    try {
      const bearer = token.read();
      const opens = open({ apiUrl, bearer, onOrder: obey });
      opening = opens.catch(() => undefined);
      const opened = await opens;
      link = opened;
      linked.resolve();
      log('info', 'agent connected');
      const fresh = setInterval(renew, TOKEN_MS, opened, bearer).unref();
      const code = await opened.closed;
      clearInterval(fresh);
      log('info', 'agent disconnected', { code });
      if (code === AGENT_CLOSES.expired[0]) token.reread();
      return renewing === opened ? AGENT_CLOSES.expired[0] : code;
    } catch (error) {
      const { status, message } =
        error instanceof NoLink ? error : { status: undefined, message: 'no token' };
      log('warn', 'agent not connected', { status, fault: message });
      if (status === 401) token.reread();
      return status === ENDED_STATUS ? AGENT_CLOSES.ended[0] : BROKEN;
    } finally {
      link = undefined;
      linked = Promise.withResolvers();
      for (const settle of [...waiting.values()]) settle(undefined);
    }
  }

  function renew(current: AgentLink, bearer: string): void {
    try {
      if (token.read() === bearer) return;
    } catch {
      // The kubelet may be between two versions.
      return;
    }
    renewing = current;
    current.close();
  }

  return {
    start: () => void keep(),
    say: (said, timeout = DECISION_MS) => outbox.put(said, timeout),
    stop() {
      stopped = true;
      link?.close();
    },
  };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
