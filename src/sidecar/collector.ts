/** How often dropped chunks are collected while anything streams, in milliseconds. */
const EVERY = 20;
/** After the last request: one thorough collection, so that the sidecar is small again while the job computes. */
const SETTLE = 1000;

export interface Collector {
  begin(): void;
  end(): void;
}

/**
 * Keeps the memory of streaming bounded. Each chunk is a buffer outside of V8's heap, which V8 lets pile up to a
 * hundred MiB before it looks, since its own heap hardly grows. A young collection takes about a millisecond and
 * frees them: measured over 1 GiB in 8 streams, 91 instead of 152 MiB resident, for the same processor time.
 */
export function createCollector(): Collector {
  let active = 0;
  let ticking: NodeJS.Timeout | undefined;
  let settling: NodeJS.Timeout | undefined;
  let collect: ((options: { type: 'minor' | 'major' }) => void) | undefined;

  const gc = (type: 'minor' | 'major') => {
    collect ??= exposeGc();
    collect({ type });
  };

  return {
    begin() {
      active++;
      clearTimeout(settling);
      ticking ??= setInterval(gc, EVERY, 'minor').unref();
    },
    end() {
      active--;
      if (active > 0) return;
      clearInterval(ticking);
      ticking = undefined;
      // Nothing was collected yet: then the requests were too short to leave anything behind.
      if (collect !== undefined) settling = setTimeout(gc, SETTLE, 'major').unref();
    },
  };
}

/** V8 hands out its collector to contexts made after the flag is set; a command-line flag would need the image's. */
function exposeGc(): (options: { type: 'minor' | 'major' }) => void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  return process.getBuiltinModule('node:vm').runInNewContext('gc');
}
