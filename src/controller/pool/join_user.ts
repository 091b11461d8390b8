import { usualUserOf } from '../../forges/launch.ts';
import type { ForgeType } from '../../resources/pool_forge.ts';

/** The parts of a container's or a pod's securityContext that tell whom a program runs as. */
export interface RunsAs {
  runAsUser?: number;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
}

/** The runner's own user, as far as it can be known before its image is there. */
export interface JoinUser {
  /** Undefined where nobody could know it. */
  user: number | undefined;
  /** Undefined where it is the image's to choose: the files are for the user alone. */
  group: number | undefined;
}

/**
 * Whom the runner container runs as: what it says itself, else its pod, else what the forge's official image runs as.
 * The files that the runner joins with are for this user alone, so whoever writes them has to be the same; pure.
 */
export function joinUserOf(container: RunsAs, pod: RunsAs, forge: ForgeType): JoinUser {
  const group = container.runAsGroup ?? pod.runAsGroup;
  const said = container.runAsUser ?? pod.runAsUser;
  if (said !== undefined) return { user: said, group };
  const usual = usualUserOf(forge);
  const nonRoot = container.runAsNonRoot ?? pod.runAsNonRoot ?? false;
  return { user: usual === 0 && nonRoot ? undefined : usual, group };
}
