import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import type { NodeCache } from './node_cache.ts';
import { shortHash } from './runner_name.ts';
import { runnerShape } from './runner_pod.ts';
import type { RunnerSettings } from './sidecar_container.ts';

/**
 * Hash over all that shapes a runner pod: the template, what of the pool enters the pod, and the sidecar as this
 * release makes it. Runners of another hash are outdated. The apiserver sorts the keys of a template, so equal
 * templates give equal texts.
 */
export function templateHash(spec: RunnerPoolSpec, settings: RunnerSettings, nodeCache?: NodeCache): string {
  return shortHash(JSON.stringify(runnerShape(spec, settings, nodeCache)));
}
