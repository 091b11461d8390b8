import { type Condition, setCondition } from '../../resources/conditions.ts';
import type { RunnerPoolStatus, SlotFailure } from '../../resources/runner_pool.ts';
import { blockedBy, forgeTrouble, says, type Verdict } from './blocked.ts';
import { FORGE_CLEANUP, type ForgeCleanup } from './forge_cleanup.ts';
import type { Observed, Runner } from './observed.ts';
import type { AskedForge } from './observed_forge.ts';
import type { Scaling } from './scaling.ts';
import { standingOf } from './standing.ts';

const NODE_CACHE = 'NodeLocalCache';
const INTERCEPTION = 'CacheIntercepted';
/** Said only while they are asked for. */
const FORGE = 'ForgeReachable';
const AUTOSCALING = 'Autoscaling';
const AT_TIMES = [NODE_CACHE, INTERCEPTION, FORGE, AUTOSCALING, FORGE_CLEANUP];
/** A forge that fails by its own fault, or the network's, is often back soon. */
const MANY_FAILURES = 3;

interface Facts {
  observed: Observed;
  counts: Pick<
    RunnerPoolStatus,
    'replicas' | 'readyReplicas' | 'idleReplicas' | 'busyReplicas' | 'outdatedReplicas'
  >;
  kept: readonly Runner[];
  failures: readonly SlotFailure[];
  scaling?: Pick<Scaling, 'verdict'> | undefined;
  cleanup?: Pick<ForgeCleanup, 'verdict'> | undefined;
}

/** Ready, Progressing and Degraded of a pool, and NodeLocalCache and CacheIntercepted where it asks for them, each with the transition time it had while its status stays. */
export function poolConditions(facts: Facts, previous: readonly Condition[], now: Date): Condition[] {
  const observedGeneration = facts.observed.pool.generation;
  const verdicts: [string, Verdict][] = [
    ['Ready', ready(facts)],
    ['Progressing', progressing(facts)],
    ['Degraded', degraded(facts)],
    ...nodeCache(facts),
    ...interception(facts, previous),
    ...forgeReachable(facts),
    ...given(AUTOSCALING, facts.scaling?.verdict),
    ...given(FORGE_CLEANUP, facts.cleanup?.verdict),
  ];
  const kept = previous.filter(
    (one) => !AT_TIMES.includes(one.type) || verdicts.some(([type]) => type === one.type),
  );
  return verdicts.reduce<Condition[]>(
    (conditions, [type, verdict]) => setCondition(conditions, { type, ...verdict, observedGeneration }, now),
    kept,
  );
}

/**
 * The planned status with Degraded saying what the apiserver answered to the creation of a runner: known only after
 * the plan. `previous` are the conditions before the plan, whose transition time stays while Degraded stays.
 */
export function withRefusedCreation(
  status: RunnerPoolStatus,
  previous: readonly Condition[],
  message: string,
  now: Date,
): RunnerPoolStatus {
  const before = previous.filter((one) => one.type === 'Degraded');
  const others = status.conditions.filter((one) => one.type !== 'Degraded');
  const verdict = { type: 'Degraded', ...says('True', 'RunnerRefused', message.slice(0, 1024)) };
  const observedGeneration = status.observedGeneration ?? 0;
  const conditions = setCondition([...others, ...before], { ...verdict, observedGeneration }, now);
  return { ...status, conditions };
}

function ready(facts: Facts): Verdict {
  const { observed, counts, failures } = facts;
  const { replicas } = observed.pool.spec;
  const ratio = `${counts.readyReplicas} of ${replicas} runners ready`;
  const stopped = blockedBy(observed);
  if (observed.pool.deleting) return says('False', 'Deleting', `the pool is being deleted, ${ratio}`);
  if (counts.readyReplicas >= replicas)
    return replicas === 0
      ? says('True', 'ScaledToZero', 'no runners asked for')
      : says('True', 'AllReady', ratio);
  if (stopped !== undefined) return { ...stopped, status: 'False' };
  if (failures.length > 0) return says('False', 'StartsFailing', `${ratio}; ${first(failures)}`);
  return says('False', 'RunnersStarting', ratio);
}

function progressing(facts: Facts): Verdict {
  const { observed, counts, kept } = facts;
  const { pool } = observed;
  if (pool.deleting) return says('True', 'Deleting', `${counts.busyReplicas} busy runners left to finish`);
  if (blockedBy(observed) !== undefined) return says('False', 'Waiting', 'new runners wait, see Degraded');
  if (counts.outdatedReplicas > 0)
    return says('True', 'RollingOut', `${counts.outdatedReplicas} runners of an older template`);
  if (counts.replicas > pool.spec.replicas)
    return says('True', 'ScalingDown', `${counts.replicas - pool.spec.replicas} busy runners above replicas`);
  const starting = pool.spec.replicas - kept.filter((one) => standingOf(one) !== 'Starting').length;
  if (starting > 0) return says('True', 'RunnersStarting', `${starting} runners on their way`);
  return says('False', 'Settled', 'as many runners as asked for');
}

function degraded(facts: Facts): Verdict {
  const { observed, failures } = facts;
  const stopped = observed.pool.deleting ? undefined : blockedBy(observed);
  if (stopped !== undefined) return stopped;
  const { forge } = observed;
  const trouble = forge.standing === 'None' ? undefined : forge.trouble;
  if (trouble !== undefined && isForPerson(trouble)) return forgeTrouble(trouble);
  const given = failures.filter((one) => one.attempt >= observed.pool.spec.lifecycle.maxAttempts);
  if (given.length > 0)
    return says(
      'True',
      'StartsFailing',
      `${given.length} of ${observed.pool.spec.replicas} slots failed maxAttempts times in a row and are retried at the longest back-off; ${first(given)}`,
    );
  return says('False', 'AsExpected', 'nothing is wrong');
}

/** Whether somebody should know: the forge refuses what it is asked, or has been away for a while. */
function isForPerson({ reason, failures }: NonNullable<AskedForge['trouble']>): boolean {
  return (reason !== 'Unavailable' && reason !== 'RateLimited') || failures >= MANY_FAILURES;
}

function forgeReachable({ observed: { forge } }: Facts): [string, Verdict][] {
  if (forge.standing === 'None') return [];
  if (forge.trouble !== undefined) return [[FORGE, { ...forgeTrouble(forge.trouble), status: 'False' }]];
  return forge.standing === 'Unknown'
    ? [[FORGE, says('Unknown', 'NotAskedYet', 'the forge is being asked for the first time')]]
    : [[FORGE, says('True', 'Answers', 'the forge tells which runners it has')]];
}

function given(type: string, verdict: Verdict | undefined): [string, Verdict][] {
  return verdict === undefined ? [] : [[type, verdict]];
}

/** A pool that may not have one works all the same: it restores from the store. */
function nodeCache({ observed }: Facts): [string, Verdict][] {
  const { nodeCache: standing } = observed;
  if (standing.standing === 'NotAsked') return [];
  return standing.standing === 'Refused'
    ? [[NODE_CACHE, says('False', standing.reason, standing.message)]]
    : [[NODE_CACHE, says('True', 'Given', 'runners keep on their nodes what they restore')]];
}

/** So is one that leaves the forge's own cache to the jobs. */
function interception({ observed }: Facts, previous: readonly Condition[]): [string, Verdict][] {
  const { interception: standing } = observed;
  if (standing.standing === 'NotAsked') return [];
  if (standing.standing === 'Refused')
    return [[INTERCEPTION, says('False', standing.reason, standing.message)]];
  // A controller that has just begun to lead has not looked yet; what was there is not gone by that.
  const was = previous.some(({ type, status }) => type === INTERCEPTION && status === 'True');
  return [
    standing.ready || (was && standing.trouble === undefined)
      ? [INTERCEPTION, says('True', 'Intercepted', `${standing.host} leads to the sidecar in the pods`)]
      : [INTERCEPTION, says('False', 'Preparing', standing.trouble ?? 'its certificates are being made')],
  ];
}

function first(failures: readonly SlotFailure[]): string {
  const one = failures[0];
  return one === undefined ? '' : `slot ${one.slot}, attempt ${one.attempt}: ${one.message}`;
}
