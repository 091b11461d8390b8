// What this forge knows: jobs that wait, and runners, each of which gets one job. In memory: it is an example.
import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

/** What the hook answers with another status than 200. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** `url` is where runners reach this program. `onQueued` is told of each new job. */
export function createForge({ url, onQueued = () => {} }) {
  /** Name → {id, name, pool, labels, token, state, job, wake}; names are unique: Harrier makes them. */
  const runners = new Map();
  const jobs = [];

  const fits = (job, labels) => job.state === 'queued' && job.labels.every((label) => labels.includes(label));
  const ofPool = (pool) => [...runners.values()].filter((runner) => runner.pool === pool.uid);

  function offer() {
    for (const runner of runners.values()) {
      const job = runner.wake === undefined ? undefined : jobs.find((one) => fits(one, runner.labels));
      if (job === undefined) continue;
      Object.assign(job, { state: 'running', runner: runner.name });
      Object.assign(runner, { state: 'Busy', job });
      runner.wake({ id: job.id, script: job.script });
      runner.wake = undefined;
    }
  }

  return {
    /** The four operations of the hook: docs/forges_external.md. */
    hook: {
      join({ pool, runner: { name, labels } }) {
        // Asked again, the first answer got lost: the same record, and a token of its own that the lost one is not.
        const id = runners.get(name)?.id ?? randomUUID();
        const token = randomBytes(24).toString('base64url');
        runners.set(name, { id, name, pool: pool.uid, labels, token, state: 'Offline' });
        return { record: { id }, files: { url: `${url}\n`, token: `${token}\n` } };
      },
      list: ({ pool, namePrefix }) => ({
        runners: ofPool(pool)
          .filter(({ name }) => name.startsWith(namePrefix))
          .map(({ id, name, state }) => ({ id, name, state })),
      }),
      remove({ pool, id }) {
        const runner = ofPool(pool).find((one) => one.id === id);
        if (runner?.state === 'Busy') throw new Refused(409, 'the runner has a job');
        runner?.wake?.(undefined);
        if (runner !== undefined) runners.delete(runner.name);
        return {};
      },
      queued: ({ labels }) => ({ queued: jobs.filter((job) => fits(job, labels)).length }),
    },

    /** Somebody's job. */
    queue({ script, labels = [] }) {
      const job = { id: randomUUID(), script, labels, state: 'queued' };
      jobs.push(job);
      offer();
      onQueued(job);
      return job;
    },
    job: (id) => jobs.find((one) => one.id === id),

    /** The runner with this token; throws if there is none any more. */
    runnerOf(token) {
      const given = Buffer.from(token);
      for (const runner of runners.values()) {
        const known = Buffer.from(runner.token);
        if (known.length === given.length && timingSafeEqual(known, given)) return runner;
      }
      throw new Refused(401, 'no runner has this token');
    },
    /** Resolves with the runner's one job, as soon as there is one for its labels; undefined when it is removed. */
    nextJob(runner) {
      if (runner.job !== undefined) throw new Refused(409, 'this runner had its job');
      runner.state = 'Idle';
      return new Promise((resolve) => {
        runner.wake = resolve;
        offer();
      });
    },
    /** It hung up before there was a job. */
    hungUp(runner) {
      runner.wake = undefined;
      if (runner.state === 'Idle') runner.state = 'Offline';
    },
    finish(runner, { exitCode, output }) {
      if (runner.state !== 'Busy') throw new Refused(409, 'this runner has no job');
      Object.assign(runner.job, { state: exitCode === 0 ? 'succeeded' : 'failed', exitCode, output });
      runners.delete(runner.name);
    },
  };
}
