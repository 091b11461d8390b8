import type { Forge } from '../../forges/forge.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { type Forges, hasForge } from '../forge/forges.ts';
import type { KnownForge } from '../forge/known_forge.ts';
import type { RunnerPod } from '../kinds.ts';
import type { AskedForge, ObservedForge, RunnerInForge } from './observed_forge.ts';

export function observedForge(pool: RunnerPool, forges: Forges, nowMs: number): ObservedForge {
  if (!hasForge(pool)) return { standing: 'None' };
  const known = forges.known(pool.metadata.uid);
  const { look, failing, opened } = known;
  return {
    standing: failing !== undefined ? 'Failing' : look === undefined ? 'Unknown' : 'Fine',
    ...troubleOf(known, nowMs),
    askedAtMs: look?.beganMs,
    records: look?.records ?? [],
    queued: look?.queued,
    details: detailsOf(opened?.forge),
    joining: [...known.joining],
    kept: [...known.kept].filter(([, untilMs]) => untilMs > nowMs).map(([name]) => name),
  };
}

/** An adapter that never tells any has none, and those of another one before it don't stay. */
function detailsOf(forge: Forge | undefined): AskedForge['details'] {
  return forge !== undefined && forge.details === undefined ? {} : forge?.details?.();
}

function troubleOf({ failing, joinFailing }: KnownForge, nowMs: number): Pick<AskedForge, 'trouble'> {
  const worst = failing ?? joinFailing;
  if (worst === undefined) return {};
  const { reason, message, failures, forPerson, againAtMs } = worst;
  // That runners can't join is found out by one that tries: when the pause is over, the next may be made for it.
  const blocks = forPerson && (failing !== undefined || againAtMs > nowMs);
  return { trouble: { reason, message, failures, blocks } };
}

export function runnerInForge(
  pod: RunnerPod,
  token: RunnerToken | undefined,
  pool: RunnerPool,
  forges: Forges,
): RunnerInForge | undefined {
  if (!hasForge(pool)) return undefined;
  const { uid } = pool.metadata;
  const name = forges.nameOf(uid, pod.metadata.name);
  const { busy, look } = forges.known(uid);
  const record = token?.spec.podRef?.uid === pod.metadata.uid ? token.status?.forge : undefined;
  const goneAt = record?.removedAt;
  return {
    name,
    made:
      goneAt === undefined &&
      (record !== undefined || (look?.records.some((one) => one.name === name) ?? false)),
    joined: record?.joinedAt !== undefined,
    busy: busy.has(name),
    goneSinceMs: goneAt === undefined ? undefined : Date.parse(goneAt),
  };
}
