/** At most so many at once; the others wait in line. */
export function takeTurns(atOnce: number): <R>(work: () => Promise<R>) => Promise<R> {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
