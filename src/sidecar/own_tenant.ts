const { hash } = process.getBuiltinModule('node:crypto');

/** Whether the token that the pod has now is for the tenant of that digest. */
export function createIsTenant(readToken: () => string, tenant: string | undefined): () => boolean {
  let seen = '';
  let same = false;
  return () => {
    if (tenant === undefined) return true;
    const token = readToken();
    if (token !== seen) {
      seen = token;
      same = ownTenant(token) === tenant;
    }
    return same;
  };
}

/**
 * Digest of the cache tenant that the pod's own token is for, as the controller names the tenant's folder; undefined for
 * what is no token. Read unverified: it only keeps a runner whose token came to be for another tenant, as that of a
 * registration token with a scope of its own, from the folder that its pod was given.
 */
export function ownTenant(podToken: string): string | undefined {
  try {
    const payload = Buffer.from(podToken.split('.')[1] ?? '', 'base64url').toString('utf8');
    const claims = JSON.parse(payload) as Record<string, { cache?: { tenant?: unknown } } | undefined>;
    const tenant = claims['harrier.dev']?.cache?.tenant;
    return typeof tenant === 'string' ? hash('sha256', tenant) : undefined;
  } catch {
    return undefined;
  }
}
