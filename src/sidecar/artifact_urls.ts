/** Beside the cache's local URLs; `.zip` or not, the stock client goes by the media type too. */
export const ARTIFACT_PREFIX = '/harrier/artifacts/';

export function artifactUrl(origin: string, handle: string, signature: string): string {
  return `${origin}${ARTIFACT_PREFIX}${handle}?sig=${signature}`;
}
