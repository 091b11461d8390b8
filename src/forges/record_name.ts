/** GitHub's limit for a runner's name; the others allow more. */
const MAX_NAME = 64;

/** What the names of a pool's records begin with: this installation's, and this very pool's (12 of its UID's 32 digits). */
export function recordPrefix(installation: string, poolUid: string): string {
  return `${installation}-${poolUid.replaceAll('-', '').slice(0, 12)}-`;
}

/** The record's name of the runner in this pod. The pod's name ends with what tells the pool's pods apart. */
export function recordName(installation: string, poolUid: string, podName: string): string {
  const prefix = recordPrefix(installation, poolUid);
  return `${prefix}${podName.slice(-(MAX_NAME - prefix.length)).replace(/^[^a-z0-9]+/, '')}`;
}
