import type { PoolAction } from '../../../src/controller/action.ts';
import type { Observed, ObservedPool, Runner } from '../../../src/controller/pool/observed.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import { runnerName } from '../../../src/controller/pool/runner_name.ts';
import { standingOf } from '../../../src/controller/pool/standing.ts';
import { durationSeconds } from '../../../src/resources/duration.ts';
import type { RunnerPoolSpec } from '../../../src/resources/runner_pool.ts';
import { NOW, pool, spec } from './builders.ts';

/** What may befall a pool from outside; `pick` chooses the runner it befalls. */
export type Mishap =
  | { do: 'advance'; seconds: number }
  | {
      do: 'start' | 'takeJob' | 'finish' | 'crash' | 'vanish' | 'delete' | 'terminated' | 'revoke';
      pick: number;
    }
  | { do: 'scale'; replicas: number }
  | { do: 'retemplate'; hash: string }
  | { do: 'strategy'; type: 'Replace' | 'OnFinish'; maxSurge: number }
  | { do: 'removePool' }
  | { do: 'loseStatus' };

/** A pool and its pods by the rules of Kubernetes and of the runners, without either. */
export class SimulatedCluster {
  pool: ObservedPool;
  runners: Runner[] = [];
  templateHash = 'hash-a';
  nowMs = NOW.getTime();
  /** Slots in which no start ever succeeds. */
  readonly failing: ReadonlySet<number>;
  /** Names of all pods there ever were. */
  readonly names = new Set<string>();
  gone = false;
  private made = 0;

  constructor(changes: Record<string, unknown>, failing: readonly number[]) {
    this.pool = pool({ spec: spec(changes), hasDrainFinalizer: false });
    this.failing = new Set(failing);
  }

  observe(): Observed {
    // Copies, since what befalls the cluster changes it in place.
    return {
      pool: { ...this.pool },
      templateHash: this.templateHash,
      templateRefusals: [],
      nodeCache: { standing: 'NotAsked' },
      interception: { standing: 'NotAsked' },
      credentials: 'NotNeeded',
      forge: { standing: 'None' as const },
      credential: { good: true, recorded: { subject: 'pool:ci/linux', scopes: ['all'] } },
      parent: { standing: 'Found' as const, name: 'linux' },
      external: 0,
      runners: this.runners.map((one) => ({ ...one })),
    };
  }

  /** Plans once and does what was planned; answers the plan with what was there before it. */
  round(): { before: Observed; planned: ReturnType<typeof plan> } {
    const before = this.observe();
    const planned = plan(before, new Date(this.nowMs));
    for (const action of planned.actions) this.carryOut(action);
    if (!this.gone) this.pool.status = planned.status;
    return { before, planned };
  }

  befall(mishap: Mishap): void {
    if ('pick' in mishap) {
      const runner = this.runners[mishap.pick % Math.max(1, this.runners.length)];
      if (runner !== undefined) this.befallRunner(mishap.do, runner);
      return;
    }
    switch (mishap.do) {
      case 'advance':
        this.nowMs += mishap.seconds * 1000;
        return;
      case 'scale':
        this.respec({ replicas: mishap.replicas });
        return;
      case 'retemplate':
        this.templateHash = mishap.hash;
        this.pool.generation += 1;
        return;
      case 'strategy':
        this.respec({ updateStrategy: { type: mishap.type, maxSurge: mishap.maxSurge } });
        return;
      case 'removePool':
        this.pool.deleting = true;
        // Nothing holds it: the apiserver removes it at once, and the garbage collector its pods.
        if (!this.pool.hasDrainFinalizer) {
          this.gone = true;
          this.runners = [];
        }
        return;
      case 'loseStatus':
        // A crash before the status was written.
        this.pool.status = undefined;
        return;
    }
  }

  /** Everything outside the controller does what it should: pods end, runners start, time passes. */
  settle(): void {
    for (const runner of [...this.runners]) {
      const standing = standingOf(runner);
      if (standing === 'Terminating') this.befallRunner('vanish', runner);
      else if (standing === 'Starting')
        this.befallRunner(this.failing.has(runner.slot) ? 'crash' : 'start', runner);
      else if (standing === 'Ending') this.befallRunner('finish', runner);
      else if (standing === 'Busy') this.befallRunner('finish', runner);
    }
  }

  private respec(changes: Partial<RunnerPoolSpec>): void {
    this.pool = {
      ...this.pool,
      spec: { ...this.pool.spec, ...changes },
      generation: this.pool.generation + 1,
    };
  }

  private befallRunner(what: string, runner: Runner): void {
    const standing = standingOf(runner);
    const report = (state: 'Idle' | 'Busy' | 'Terminated') => {
      runner.phase = 'Running';
      runner.startedAtMs ??= this.nowMs;
      const busySinceMs = state === 'Busy' ? this.nowMs : runner.token?.busySinceMs;
      runner.token = { phase: 'Active', state, sinceMs: this.nowMs, busySinceMs };
    };
    if (what === 'vanish') {
      if (standing === 'Terminating') this.runners = this.runners.filter((one) => one !== runner);
    } else if (what === 'delete') runner.terminating = true;
    else if (what === 'start' && standing === 'Starting' && !this.failing.has(runner.slot)) report('Idle');
    else if (what === 'takeJob' && standing === 'Idle') report('Busy');
    else if (what === 'terminated' && standing === 'Busy') report('Terminated');
    else if (what === 'finish' && (standing === 'Busy' || standing === 'Ending')) runner.phase = 'Succeeded';
    else if (what === 'crash' && standing !== 'Terminating' && standing !== 'Finished')
      runner.phase = 'Failed';
    else if (what === 'revoke' && runner.token !== undefined && standing !== 'Finished')
      runner.token = { ...runner.token, phase: 'Revoked' };
  }

  private carryOut(action: PoolAction): void {
    switch (action.type) {
      case 'AddDrainFinalizer':
        this.pool.hasDrainFinalizer = true;
        return;
      case 'RemoveDrainFinalizer':
        this.pool.hasDrainFinalizer = false;
        this.gone = true;
        return;
      case 'CreateRunner': {
        const name = runnerName(this.pool, action.slot, action.serial);
        if (this.runners.some((one) => one.name === name)) throw new Error(`409: ${name} is there`);
        this.names.add(name);
        this.made += 1;
        this.runners.push({
          name,
          uid: `uid-${this.made}`,
          createdAtMs: this.nowMs,
          terminating: false,
          phase: 'Pending',
          slot: action.slot,
          serial: action.serial,
          attempt: action.attempt,
          templateHash: this.templateHash,
          token: { phase: 'Active' },
        });
        return;
      }
      case 'MakeRegistration':
      case 'AddForgeFinalizer':
      case 'RemoveForgeFinalizer':
      case 'SetReplicas':
      case 'RemoveRecord':
        return;
      default: {
        const runner = this.runners.find((one) => one.uid === action.runner.uid);
        if (runner === undefined) return;
        if (action.type === 'StartDrain') {
          runner.drainSinceMs = Date.parse(action.since);
          runner.drainDeadlineMs = Date.parse(action.deadline);
        } else if (action.type === 'StopDrain') {
          delete runner.drainSinceMs;
          delete runner.drainDeadlineMs;
        } else if (standingOf(runner) === 'Finished')
          this.runners = this.runners.filter((one) => one !== runner);
        else runner.terminating = true;
      }
    }
  }

  drainTimeoutMs(): number {
    return durationSeconds(this.pool.spec.lifecycle.drainTimeout) * 1000;
  }
}
