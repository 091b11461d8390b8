import { problem } from '../problem.ts';
import { type Answer, errorOrder } from './answer.ts';
import type { Connection } from './connection.ts';

/** Reports are writes to the apiserver, which all share: a runner has four states to tell in its life. */
const SAID = { most: 20, flood: 200, windowMs: 10_000 };
/** Messages that may wait for their answer. */
const MAX_OPEN = 32;

const TOO_MANY = errorOrder(
  problem('too-many-requests', 'This runner says too much.', {
    headers: { 'retry-after': String(SAID.windowMs / 1000) },
  }),
);

/**
 * Answers a connection's messages in their order, one after the other, and only so many: what is above is told so, and
 * a flood ends the connection. `onFailure` gets what an answer throws.
 */
export function converse(
  answer: Answer,
  onFailure: (connection: Connection, error: unknown) => void,
): (connection: Connection, message: string) => void {
  async function reply(connection: Connection, message: string, limited: boolean): Promise<void> {
    try {
      if (connection.closing) return;
      const order = limited ? TOO_MANY : await answer(connection, message);
      connection.send(order);
      if (order.type === 'ack' && order.report.state === 'Terminated') connection.close('ended');
    } catch (error) {
      onFailure(connection, error);
    } finally {
      connection.open--;
    }
  }

  return (connection, message) => {
    const at = performance.now();
    connection.heardAt = at;
    if (at - connection.windowAt > SAID.windowMs) {
      connection.windowAt = at;
      connection.said = 0;
    }
    connection.said++;
    if (connection.said > SAID.flood || connection.open >= MAX_OPEN) {
      connection.close('policy');
      return;
    }
    connection.open++;
    const limited = connection.said > SAID.most;
    connection.tail = connection.tail.then(() => reply(connection, message, limited));
  };
}
