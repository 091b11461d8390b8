const NEWLINE = 0x0a;

/** A whole line that no object of the apiserver's comes near (etcd takes 1.5 MiB): the stream isn't a watch. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * Cuts a byte stream into lines, handing each on as soon as its end is there. Cuts bytes, not text: a character may
 * lie across two chunks. `push` throws RangeError when a line grows beyond 16 MiB.
 */
export function lineSplitter(onLine: (line: string) => void) {
  let parts: Buffer[] = [];
  let held = 0;
  return {
    push(chunk: Buffer): void {
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        const tail = chunk.subarray(from, end);
        const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail]);
        parts = [];
        held = 0;
        from = end + 1;
        if (line.length > 0) onLine(line.toString('utf8'));
      }
      if (from < chunk.length) {
        held += chunk.length - from;
        if (held > LONGEST_LINE) throw new RangeError('a line of the watch is longer than 16 MiB');
        parts.push(chunk.subarray(from));
      }
    },
    /** Bytes of a line whose end never came. */
    get unfinished(): number {
      return held;
    },
  };
}
