import { randomUUID } from 'node:crypto';
import { type IssuedTokens, issuedTokens } from '../../protocol/registration.ts';
import { FIRST_REQUEST } from '../../resources/group.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Clock } from '../../tokens/clock.ts';
import type { Handover } from '../handover.ts';
import { problem } from '../problem.ts';
import type { WriteApiStatus } from '../write_api_status.ts';

export interface DeliverTokenOptions {
  write: WriteApiStatus;
  handover: Handover;
  now: Clock;
}

/** The JWT that the controller issues for this token, now or next; throws a problem when none comes. */
export type DeliverToken = (token: RunnerToken) => Promise<IssuedTokens>;

/** The first JWT comes without being asked for. What a broken watch made us miss is asked for again. Milliseconds. */
const FIRST_MS = 5_000;
const ASKED_MS = 5_000;
/** A request that the controller has not answered yet is let go first, for so long, in ms. */
const OTHER_REQUEST_MS = 5_000;

export function createDeliverToken({ write, handover, now }: DeliverTokenOptions): DeliverToken {
  return async (token) => {
    const { uid } = token.metadata;
    if ((token.status?.phase ?? 'Pending') === 'Pending') {
      const first = issuedTokens.safeParse(await handover.take(uid, FIRST_REQUEST, FIRST_MS));
      if (first.success) return first.data;
    }
    const id = await ask(token);
    const asked = issuedTokens.safeParse(await handover.take(uid, id, ASKED_MS));
    if (asked.success) return asked.data;
    throw later('No JWT was issued in time; retry, with the same Idempotency-Key if any.');
  };

  async function ask(token: RunnerToken): Promise<string> {
    const id = randomUUID();
    await write(token, ({ status }) => {
      const { request, served } = status ?? {};
      const waits = request !== undefined && request.id !== served;
      if (waits && now() - Date.parse(request.at) < OTHER_REQUEST_MS)
        throw later('Another request of this runner is being answered; retry.');
      return { request: { id, what: 'Token', at: new Date(now()).toISOString() } };
    });
    return id;
  }
}

function later(detail: string) {
  return problem('unavailable', detail, { headers: { 'retry-after': '2' } });
}
