import { existsSync } from 'node:fs';
import type { Note } from '../progress.ts';
import { run } from './command.ts';

/** Whether packages of Debian can be installed here at all. */
export function canAptInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** Installs packages by apt-get, waiting for others who do. */
export async function aptInstall(packages: readonly string[], note: Note): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const alone = ['-o', 'DPkg::Lock::Timeout=300'];
  const install = () => {
    note(`apt-get install ${packages.join(' ')}`);
    return run('apt-get', [...alone, 'install', '-y', '--no-install-recommends', ...packages], { env });
  };
  // The lists may be there and new enough; fetching them takes longer than the packages.
  await install().catch(async () => {
    note('apt-get update');
    await run('apt-get', [...alone, 'update'], { env });
    await install();
  });
}
