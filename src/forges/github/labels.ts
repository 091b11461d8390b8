const SELF_HOSTED = 'self-hosted';

/** GitHub gives a just-in-time runner no label by itself, not even the one that all others have. */
export function runnerLabels(labels: readonly string[]): string[] {
  return labels.some((label) => label.toLowerCase() === SELF_HOSTED) ? [...labels] : [SELF_HOSTED, ...labels];
}

/**
 * Whether GitHub would give the job to a runner with these labels: it has all that the job asks for, in any case.
 * A job that asks for a group and no label says nothing of the group before it runs: it is counted where pools have one.
 * https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/use-in-a-workflow
 */
export function matches(job: readonly string[], runner: readonly string[], inGroup: boolean): boolean {
  if (job.length === 0) return inGroup;
  const has = new Set(runnerLabels(runner).map((label) => label.toLowerCase()));
  return job.every((label) => has.has(label.toLowerCase()));
}
