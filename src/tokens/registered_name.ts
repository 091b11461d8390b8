import { createHash } from 'node:crypto';

/**
 * Name of the RunnerToken of a registered runner's attempt. It derives from what it is for alone: of two registrations
 * of one runner at the same moment one meets 409, and a repeated one finds what the first made.
 */
export function registeredTokenName(poolUid: string, runner: string, attempt: number): string {
  const stem = runner
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48);
  const digest = createHash('sha256').update(`${poolUid}/${runner}/${attempt}`).digest('hex').slice(0, 12);
  return `${stem === '' ? 'runner' : stem}-${digest}`;
}
