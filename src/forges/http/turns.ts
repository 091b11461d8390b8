/** Lets so many of them run at a time; the others wait, first come first served. */
export function turns(most: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(run: () => Promise<T>): Promise<T> => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      // The turn is handed on as it is: nobody who comes in between takes it.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
