const PROXIES = new Set(['http_proxy', 'https_proxy', 'all_proxy']);

/**
 * The variable by which clients would ask a proxy for the host and never look at the pod's aliases; undefined when
 * there is none, or NO_PROXY names the host, one of its parents or `*`. A value that comes from elsewhere names nothing.
 */
export function passesBy(
  environment: readonly { name: string; value?: string }[],
  host: string,
): string | undefined {
  const excepted = environment
    .filter(({ name }) => name.toLowerCase() === 'no_proxy')
    .flatMap(({ value = '' }) => value.split(/[\s,]+/))
    .some((entry) => covers(entry.toLowerCase(), host));
  return excepted ? undefined : environment.find(({ name }) => PROXIES.has(name.toLowerCase()))?.name;
}

function covers(entry: string, host: string): boolean {
  if (entry === '*') return true;
  const parent = entry.replace(/^\*?\./, '').replace(/:443$/, '');
  return parent !== '' && (host === parent || host.endsWith(`.${parent}`));
}
