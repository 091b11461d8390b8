/** URL of the next page by the header Link (RFC 8288); undefined on the last one; pure. */
export function nextPage(link: string | undefined): string | undefined {
  for (const [, url, parameters] of (link ?? '').matchAll(/<([^<>]*)>((?:\s*;[^,<]*)*)/g))
    if (/;\s*rel\s*=\s*"?next"?\s*(;|$)/i.test((parameters ?? '').trim())) return url;
  return undefined;
}
