/** `make image`: writes the images as tars and says where they are. */
import { step } from '../progress.ts';
import { type BuiltImage, buildDemoJobImage, buildHarrierImage } from './images.ts';

for (const [title, build] of [
  ['image harrier:dev', buildHarrierImage],
  ['image harrier-demo-job:dev', buildDemoJobImage],
] as const) {
  say(await step(title, (note) => build(undefined, note)));
}

function say({ file, id, bytes }: BuiltImage): void {
  console.log(`  ${file}\n  sha256:${id.slice(0, 12)}, ${(bytes / 2 ** 20).toFixed(0)} MiB`);
}
