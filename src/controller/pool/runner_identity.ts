import { Annotation, Label } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import { controllerUid, type RunnerPod } from '../kinds.ts';
import { runnerName } from './runner_name.ts';

/** Whether the pod is one that the controller made for this pool: controlled by it, and of the name that it gives. */
export function isRunnerOf(pod: RunnerPod, pool: RunnerPool): boolean {
  if (controllerUid(pod, 'RunnerPool') !== pool.metadata.uid) return false;
  const place = runnerPlaceOf(pod);
  return pod.metadata.name === runnerName(pool.metadata, place.slot, place.serial);
}

export function runnerPlaceOf(pod: RunnerPod): { slot: number; serial: number; attempt: number } {
  return {
    slot: whole(pod.metadata.labels?.[Label.slot], 0),
    serial: whole(pod.metadata.annotations?.[Annotation.serial], 0),
    attempt: whole(pod.metadata.annotations?.[Annotation.attempt], 1),
  };
}

/** Labels are anybody's to edit: what isn't a whole number counts as the least. */
function whole(text: string | undefined, least: number): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= least ? number : least;
}
