import type { ForgeRunner } from '../../forges/forge.ts';
import type { ForgeRecord } from '../../resources/runner_token_status.ts';
import { timestamp } from '../token/token_status.ts';

/**
 * What the forge's answer adds to what a runner's token says of its record, or undefined when that is nothing new; pure.
 *
 * @param record Undefined where the forge, asked after the record was noted down, does not list it.
 */
export function markOf(
  before: ForgeRecord,
  record: ForgeRunner | undefined,
  now: Date,
): ForgeRecord | undefined {
  const { removedAt, ...there } = before;
  if (record === undefined)
    return removedAt === undefined ? { ...before, removedAt: timestamp(now) } : undefined;
  // A forge that was half up had listed nothing.
  if (removedAt !== undefined) return there;
  if (record.state === 'Offline' || before.joinedAt !== undefined) return undefined;
  return { ...before, joinedAt: timestamp(now) };
}
