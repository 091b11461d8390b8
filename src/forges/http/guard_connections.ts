import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { AllowedHosts } from '../../egress/allowed_hosts.ts';
import {
  type Addresses,
  judgeUnresolved,
  judgeUrl,
  NotAllowed,
  type Resolve,
} from '../../egress/judge_url.ts';
import { ForgeError } from '../forge_error.ts';
import { NoAnswer } from './ask_once.ts';
import { type Connections, type ForgeProxy, openConnections } from './connections.ts';

export interface GuardOptions {
  base: URL;
  proxy: ForgeProxy | undefined;
  ca: string | undefined;
  allowed: AllowedHosts;
  /** Monotonic ms. */
  now: () => number;
  timeoutMs: number;
  resolve: Resolve | undefined;
}

/** Connections that lead where the installation allows, and nowhere else. */
export interface GuardedConnections {
  /** Rejects with ForgeError (HostNotAllowed) or NoAnswer. */
  dispatcher(doing: string): Promise<Dispatcher>;
  close(): Promise<void>;
}

/** For so long a judged name is not resolved again. */
const JUDGED_FOR_MS = 30_000;
const ALLOWED_BY = 'forges.allowedHosts';

/** Kept connections were judged when they were made; once the name leads inside, they end. */
export function guardConnections(options: GuardOptions): GuardedConnections {
  const { base, proxy, ca, allowed, now, timeoutMs, resolve } = options;
  const rules = { allowed, allowedBy: ALLOWED_BY, ...(resolve === undefined ? {} : { resolve }) };
  let connections: Connections | undefined;
  let judgedAt = Number.NEGATIVE_INFINITY;

  async function judge(): Promise<Addresses> {
    if (proxy === undefined) return judgeUrl(base, rules);
    // The proxy resolves the forge's name, in a network of its own.
    judgeUnresolved(base, rules);
    return judgeUrl(proxy.url, rules).catch((error: unknown) => {
      throw error instanceof NotAllowed
        ? new NotAllowed(`is asked by spec.forge.proxy.url, which ${error.message}`)
        : error;
    });
  }

  async function refused(doing: string, { message }: NotAllowed): Promise<ForgeError> {
    const kept = connections;
    connections = undefined;
    await kept?.dispatcher.destroy();
    return new ForgeError('HostNotAllowed', `cannot ${doing}: spec.forge.url ${message}`);
  }

  return {
    async dispatcher(doing) {
      if (connections !== undefined && now() - judgedAt < JUDGED_FOR_MS) return connections.dispatcher;
      try {
        const addresses = await within(timeoutMs, judge());
        connections ??= openConnections({ base, ca, proxy, timeoutMs });
        connections.pin(addresses);
        judgedAt = now();
        return connections.dispatcher;
      } catch (error) {
        if (error instanceof NotAllowed) throw await refused(doing, error);
        throw new NoAnswer(`the name cannot be resolved (${codeOf(error)})`, false);
      }
    },
    async close() {
      await connections?.dispatcher.destroy();
    },
  };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const given = new AbortController();
  const late = pauseFor(ms, undefined, { signal: given.signal }).then(() => {
    throw Object.assign(new Error('late'), { code: 'ETIMEOUT' });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    given.abort();
    late.catch(() => undefined);
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
}
