import type { ServerResponse } from 'node:http';
import type { Keep } from './draft.ts';

type Written = (error?: Error | null) => void;

/**
 * Lets `keep` have every stretch of bytes that is written to the response from now on, before it is on its way: its
 * buffer is used again afterwards. However the store's answer is relayed, all of it passes here, and whoever relays it
 * goes on when he is told that a stretch is written: so he waits for the disk as he does for the client.
 */
export function tap(response: ServerResponse, keep: Keep): void {
  const write = response.write.bind(response) as (bytes: unknown, written: Written) => boolean;
  const tapped = (bytes: Uint8Array, written: Written = () => undefined): boolean => {
    const room = keep(bytes);
    return write(bytes, room === undefined ? written : (error) => void room.then(() => written(error)));
  };
  response.write = tapped as typeof response.write;
}
