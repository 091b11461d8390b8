import { join } from 'node:path';
import { run } from '../run/command.ts';

export function kubectl(
  binaries: string,
  kubeconfig: string,
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
): Promise<string> {
  return run(join(binaries, 'kubectl'), ['--kubeconfig', kubeconfig, ...args], options);
}

export async function isReady(binaries: string, kubeconfig: string): Promise<boolean> {
  try {
    await kubectl(binaries, kubeconfig, ['get', '--raw', '/readyz', '--request-timeout=5s'], {
      timeoutMs: 8000,
    });
    return true;
  } catch {
    return false;
  }
}
