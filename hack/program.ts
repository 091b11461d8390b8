import { join } from 'node:path';

/**
 * What Node runs Harrier with, everywhere: the image's entrypoint has it too. No threads for the garbage collector: the
 * heaps are small, the buffers of streams lie outside of them, and a pod has a core or less. Measured over saves of
 * 512 MiB on 2 busy cores, the api takes 0.5 instead of 1 second of processor time each. V8 takes this flag in full
 * only from the command line.
 */
export const NODE_FLAGS = ['--single-threaded-gc'] as const;

/**
 * The controller alone is small rather than quick: 138 instead of 310 MiB resident with 1,000 runners. The api would
 * answer a fifth fewer requests. The chart has this too.
 */
const CONTROLLER_FLAGS = [...NODE_FLAGS, '--optimize-for-size'] as const;

/** Arguments for node that start a mode of the bundle on this machine. */
export function programArguments(mode: 'controller' | 'api' | 'sidecar'): string[] {
  const flags = mode === 'controller' ? CONTROLLER_FLAGS : NODE_FLAGS;
  return [...flags, join(import.meta.dirname, '..', 'dist', 'main.js'), mode];
}
