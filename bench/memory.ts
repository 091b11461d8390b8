import type { Lab } from './lab.ts';
import { applyPool, watchPods } from './pool.ts';
import { residentMiB } from './resident.ts';
import type { Figure } from './statistics.ts';

const RUNNERS = 1000;

/** Resident memory of controller and api while they hold a thousand live runners. */
export async function memory(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const watched = await watchPods(lab, lab.namespace);
  note(`bringing up ${RUNNERS} runners`);
  await applyPool(lab, 'thousand', RUNNERS);
  await watched.running(RUNNERS);
  await watched.stop();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const controller = await residentMiB(lab.controllerPid);
  const api = await residentMiB(lab.apis[0]?.pid ?? 0);
  await applyPool(lab, 'thousand', 0);
  return [
    {
      name: `controller resident with ${RUNNERS} runners`,
      value: `${controller.toFixed(0)} MiB`,
      goal: { text: '<= 128 MiB', met: controller <= 128 },
    },
    { name: `api resident with ${RUNNERS} runners`, value: `${api.toFixed(0)} MiB` },
  ];
}
