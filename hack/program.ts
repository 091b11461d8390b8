import { join } from 'node:path';
import { type Started, start } from './run/started.ts';

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

/**
 * V8 gives young objects 128 MiB on a machine with 24, which the garbage of requests fills before anything is collected:
 * 190 instead of 277 MiB resident after 1,000 saves and some thousand look-ups. The chart has this too.
 */
const API_FLAGS = [...NODE_FLAGS, '--max-semi-space-size=8'] as const;

/**
 * Buffers of streams go back to the system when they are collected, instead of leaving holes in the C heap: 127 instead
 * of 141 MiB for the controller, 68 instead of 82 for a sidecar after 2 GiB (glibc's mallopt(3)).
 */
export const PROGRAM_ENV = { MALLOC_MMAP_THRESHOLD_: '131072' } as const;

const FLAGS = { controller: CONTROLLER_FLAGS, api: API_FLAGS, router: NODE_FLAGS, sidecar: NODE_FLAGS };

/** Starts a mode of the bundle on this machine, as its image would. */
export function startProgram(mode: keyof typeof FLAGS, env: NodeJS.ProcessEnv): Started {
  const flags = FLAGS[mode];
  const main = join(import.meta.dirname, '..', 'dist', 'main.js');
  return start(process.execPath, [...flags, main, mode], { ...PROGRAM_ENV, ...env });
}
