#!/usr/bin/env node
/** The one executable: `harrier <mode>`. Each mode is imported only when asked for, so that the sidecar stays light. */
type Mode = { run(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<void> };
const MODES: Record<string, () => Promise<Mode>> = {
  controller: () => import('./modes/controller.ts'),
  api: () => import('./modes/api.ts'),
  sidecar: () => import('./modes/sidecar.ts'),
  join: () => import('./modes/join.ts'),
  router: () => import('./modes/router.ts'),
  token: () => import('./modes/token.ts'),
  cache: () => import('./modes/cache.ts'),
};

const mode = process.argv[2] ?? '';
const load = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
if (load === undefined) {
  // The word itself is not repeated: it may be a token that was to be inspected.
  process.stderr.write(
    `harrier: ${mode === '' ? 'no mode given' : 'there is no such mode'}; one of: ${Object.keys(MODES).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  try {
    await (await load()).run(process.env, process.argv.slice(3));
  } catch (error) {
    process.stderr.write(`harrier ${mode}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
