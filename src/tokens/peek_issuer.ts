/**
 * The iss claim that a token bears, before anything of it is proven: it says whose keys to try, and nothing else may be
 * made of it. Undefined where none can be read.
 */
export function peekIssuer(raw: string): string | undefined {
  const start = raw.indexOf('.') + 1;
  const end = raw.indexOf('.', start);
  if (start === 0 || end === -1) return undefined;
  try {
    const said: unknown = JSON.parse(Buffer.from(raw.slice(start, end), 'base64url').toString('utf8'));
    const iss = (said as { iss?: unknown } | null)?.iss;
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}
