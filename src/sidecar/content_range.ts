import { Refused } from './refusal.ts';
import type { Block } from './uploads.ts';

/** The Content-Range of a v1 chunk, `bytes 0-199/*`: both ends count, the total is mostly unknown. */
export function parseChunkRange(
  range: string | undefined,
  contentLength: string | undefined,
): { start: number; length: number } {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(?:\*|\d{1,15})$/.exec(range ?? '');
  const start = Number(match?.[1]);
  const length = Number(match?.[2]) - start + 1;
  if (match === null || length < 1)
    throw new Refused('bad-request', 400, 'Content-Range must be like: bytes 0-199/*');
  if (contentLength !== undefined && Number(contentLength) !== length)
    throw new Refused('cache-size-mismatch', 400, 'the body is not as long as its range says');
  return { start, length };
}

/**
 * The chunks (`start+length` → block) in their order, when they cover the archive without a gap or an overlap.
 * Whether they are as long as the client says is the api's to judge.
 */
export function joinChunks(chunks: ReadonlyMap<string, Block>): Block[] {
  const sorted = [...chunks]
    .map(([id, block]) => ({ start: Number(id.slice(0, id.indexOf('+'))), block }))
    .sort((a, b) => a.start - b.start);
  let end = 0;
  for (const { start, block } of sorted) {
    if (start !== end)
      throw new Refused(
        'cache-size-mismatch',
        400,
        `the chunks ${start > end ? 'leave a gap' : 'overlap'} at ${end}`,
      );
    end += block.size;
  }
  return sorted.map(({ block }) => block);
}
