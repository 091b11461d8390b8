/**
 * The host of the results service that a forge names to its runners in each job (ACTIONS_RESULTS_URL): caches,
 * artifacts, logs and summaries. Undefined for a GitHub Enterprise Server, which has no such host: its jobs keep their
 * caches by v1, at the appliance's own host, where its git and API are as well.
 * @param url Base URL of the forge or of its API, such as `https://github.com` or `https://octocorp.ghe.com`.
 */
export function resultsHost(url: string): string | undefined {
  const hostname = new URL(url).hostname.replace(/^(?:www|api)\./, '');
  if (hostname === 'github.com') return 'results-receiver.actions.githubusercontent.com';
  return hostname.endsWith('.ghe.com') ? `results-receiver.actions.${hostname}` : undefined;
}
