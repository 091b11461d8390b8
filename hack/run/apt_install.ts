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
  // Configuration that was put there beforehand stays, and nobody is asked about it.
  const options = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Options::=--force-confold'];
  const install = () => {
    note(`apt-get install ${packages.join(' ')}`);
    return run('apt-get', [...options, 'install', '-y', '--no-install-recommends', ...packages], { env });
  };
  // The lists may be there and new enough; fetching them takes longer than the packages.
  await install().catch(async () => {
    note('apt-get update');
    await run('apt-get', [...options, 'update'], { env });
    await install();
  });
}
