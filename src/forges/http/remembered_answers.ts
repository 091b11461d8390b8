import type { ForgeAnswer } from './forge_http.ts';

/** Answers with an ETag, by URL: the forge says 304 instead of all of it again, and many don't count that. */
export interface RememberedAnswers {
  get(url: string): { etag: string; answer: ForgeAnswer<unknown> } | undefined;
  put(url: string, etag: string, answer: ForgeAnswer<unknown>, bytes: number): void;
}

/** Forgets what was used longest ago beyond so many bytes of bodies. */
export function rememberAnswers(mostBytes: number): RememberedAnswers {
  const known = new Map<string, { etag: string; answer: ForgeAnswer<unknown>; bytes: number }>();
  let total = 0;

  function drop(url: string): void {
    total -= known.get(url)?.bytes ?? 0;
    known.delete(url);
  }

  return {
    get(url) {
      const found = known.get(url);
      if (found === undefined) return undefined;
      known.delete(url);
      known.set(url, found);
      return found;
    },
    put(url, etag, answer, bytes) {
      drop(url);
      if (bytes > mostBytes) return;
      known.set(url, { etag, answer, bytes });
      total += bytes;
      for (const oldest of known.keys()) {
        if (total <= mostBytes) break;
        drop(oldest);
      }
    },
  };
}
