const DECIMAL = /^(0|[1-9]\d*)$/;

/**
 * Whether `a` is the later version of the same object than `b`. Versions of one kind are comparable decimal numbers of
 * any length (KEP-5504, and etcd's revision long before it). Should a server use other text, whatever differs counts
 * as later, as for clients before that rule.
 */
export function isLater(a: string, b: string): boolean {
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return a !== b;
  return a.length === b.length ? a > b : a.length > b.length;
}
