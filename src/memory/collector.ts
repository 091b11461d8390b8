/** How often dropped chunks are collected while anything streams, in milliseconds. */
const EVERY = 20;
/** After the last request: one thorough collection, so that the process is small again while nothing happens. */
const SETTLE = 1000;

export interface Collector {
  /** A request that streams has begun. */
  begin(): void;
  /** One has ended. */
  end(): void;
}

/**
 * Keeps the memory of streaming bounded. Each chunk is a buffer outside of V8's heap, which V8 lets pile up to a
 * hundred MiB before it looks, since its own heap hardly grows. A young collection takes about a millisecond and
 * frees them: measured over 1 GiB in 8 streams, 91 instead of 152 MiB resident, for the same processor time. The api
 * has 153 instead of 272 MiB at most while 512 MiB are saved in 8 streams, and 137 instead of 350 while 4 restore them.
 */
export function createCollector(): Collector {
  let active = 0;
  let began = 0;
  /** Something was streamed since the last thorough collection. */
  let owed = false;
  let ticking: NodeJS.Timeout | undefined;
  let settling: NodeJS.Timeout | undefined;
  let collect: ((options: { type: 'minor' | 'major' }) => void) | undefined;

  const gc = (type: 'minor' | 'major') => {
    collect ??= exposeGc();
    collect({ type });
  };

  const settle = () => {
    owed = false;
    gc('major');
  };

  return {
    begin() {
      if (active++ === 0) began = performance.now();
      clearTimeout(settling);
      ticking ??= setInterval(gc, EVERY, 'minor').unref();
    },
    end() {
      active--;
      if (active > 0) return;
      clearInterval(ticking);
      ticking = undefined;
      // Requests that are over sooner leave nothing behind that is worth it.
      owed ||= performance.now() - began >= EVERY;
      if (owed) settling = setTimeout(settle, SETTLE).unref();
    },
  };
}

/** V8 hands out its collector to contexts made after the flag is set; a command-line flag would need the image's. */
function exposeGc(): (options: { type: 'minor' | 'major' }) => void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  return process.getBuiltinModule('node:vm').runInNewContext('gc');
}
