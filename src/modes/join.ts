import { askSidecar } from '../join/ask_sidecar.ts';
import { writeFiles } from '../join/write_files.ts';

/**
 * `harrier join`: the init container between the sidecar and the runner. Puts what the runner joins its forge with into
 * the join folder and ends. What it fails with goes to stderr, which kubelet tells as the container's last words.
 */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const folder = env.HARRIER_JOIN_DIR;
  const seconds = Number(env.HARRIER_JOIN_TIMEOUT || 600);
  if (folder === undefined || folder === '') throw new Error('HARRIER_JOIN_DIR: is required');
  if (!URL.canParse(env.HARRIER_URL ?? '')) throw new Error('HARRIER_URL: must be the URL of the sidecar');
  if (!(seconds > 0 && seconds <= 86_400))
    throw new Error('HARRIER_JOIN_TIMEOUT: must be a number of seconds');
  const files = await askSidecar({ url: new URL(env.HARRIER_URL ?? ''), patienceMs: seconds * 1000 });
  await writeFiles(folder, files);
  process.stdout.write(`wrote ${Object.keys(files).length} files to ${folder}\n`);
}
