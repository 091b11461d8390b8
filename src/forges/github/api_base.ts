/**
 * Where the REST API of a GitHub is: api.github.com, api.<name>.ghe.com (GitHub Enterprise Cloud with data residency),
 * /api/v3 of a GitHub Enterprise Server. An address of the API itself stays as it is.
 * https://docs.github.com/en/enterprise-server@latest/rest/using-the-rest-api/getting-started-with-the-rest-api
 */
export function apiBase(url: string): string {
  const { protocol, host, hostname, pathname } = new URL(url);
  const below = pathname.replace(/\/+$/, '');
  if (hostname === 'github.com' || hostname === 'www.github.com') return 'https://api.github.com';
  if (hostname === 'api.github.com' || below.endsWith('/api/v3')) return `${protocol}//${host}${below}`;
  if (hostname.endsWith('.ghe.com'))
    return `${protocol}//${hostname.startsWith('api.') ? '' : 'api.'}${host}`;
  return `${protocol}//${host}${below}/api/v3`;
}
