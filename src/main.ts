#!/usr/bin/env node
/** The one executable: `harrier <mode>`. Each mode is imported only when asked for, so that the sidecar stays light. */
const MODES: Record<string, () => Promise<{ run(env: NodeJS.ProcessEnv): Promise<void> }>> = {
  controller: () => import('./modes/controller.ts'),
  api: () => import('./modes/api.ts'),
  sidecar: () => import('./modes/sidecar.ts'),
};

const mode = process.argv[2] ?? '';
const load = MODES[mode];
if (load === undefined) {
  process.stderr.write(
    `harrier: ${mode === '' ? 'no mode given' : `unknown mode ${JSON.stringify(mode)}`}; one of: ${Object.keys(MODES).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  try {
    await (await load()).run(process.env);
  } catch (error) {
    process.stderr.write(`harrier ${mode}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
