import type { Lab } from './lab.ts';
import { runnersOf } from './pool.ts';
import { residentMiB } from './resident.ts';
import type { Figure } from './statistics.ts';

const RUNNERS = 1000;

/** Resident memory of controller and api while they hold a thousand live runners. */
export async function memory(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  note(`bringing up ${RUNNERS} runners`);
  const runners = await runnersOf(lab, 'thousand', RUNNERS);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const controller = await residentMiB(lab.controllerPid);
  const api = await residentMiB(lab.apis[0]?.pid ?? 0);
  await runners.gone();
  return [
    {
      name: `controller resident with ${RUNNERS} runners`,
      value: `${controller.toFixed(0)} MiB`,
      goal: { text: '<= 128 MiB', met: controller <= 128 },
    },
    { name: `api resident with ${RUNNERS} runners`, value: `${api.toFixed(0)} MiB` },
  ];
}
