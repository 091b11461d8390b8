import { z } from 'zod';
import { joinAnswer } from '../../protocol/join.ts';

const name = z.string().min(1).max(256);
const labels = z
  .array(z.string())
  .describe('Labels of the pool’s runners: spec.forge.labels, or the pool’s name.');

/** Whose runners they are: a hook may serve many pools. */
export const hookPool = z
  .object({
    namespace: z.string().describe('Namespace of the RunnerPool.'),
    name: z.string().describe('Name of the RunnerPool.'),
    uid: z.string().describe('Its UID: another for a pool of the same name that was made later.'),
  })
  .describe('The pool that asks.');

export const hookRunner = z.object({
  id: name.describe('Your id of the record, which `remove` is asked with.'),
  name: name.describe('The name that `join` was asked with.'),
  state: z
    .enum(['Offline', 'Idle', 'Busy'])
    .describe('Offline while it is not connected, Busy while it has a job.'),
});

/** Each operation is one `POST <spec.forge.url>/v1/<operation>`: what is sent, and what a 200 answers. */
export const HOOK = {
  join: {
    summary: 'Make the record of one runner, and what it joins with',
    description:
      'Asked right before each runner starts. The name is unique; when it is asked for again, the first answer got lost: answer with the same record. The runner may take one job at most.',
    ask: z.object({
      pool: hookPool,
      runner: z.object({ name: name.describe('Its name; keep it.'), labels }),
    }),
    answer: z.object({
      record: z.object({ id: name.describe('Your id of the record.') }),
      files: joinAnswer.shape.files.describe(
        'What the runner joins with: files by name, each a secret of this runner alone. They stand in $HARRIER_JOIN_DIR when its container starts.',
      ),
    }),
  },
  list: {
    summary: 'Tell the runners there are',
    description:
      'Asked every spec.forge.pollInterval, and at once after a webhook. Runners that are not told are taken for gone; those that no pod belongs to are removed.',
    ask: z.object({
      pool: hookPool,
      namePrefix: name.describe('Only records whose names begin so are wanted.'),
      after: z.string().optional().describe('`next` of the page before; absent for the first.'),
    }),
    answer: z.object({
      runners: z.array(hookRunner).max(1000),
      next: z
        .string()
        .min(1)
        .max(1024)
        .optional()
        .describe('Given while there are more; absent on the last page.'),
    }),
  },
  remove: {
    summary: 'Remove the record of one runner',
    description:
      'The runner may not take a job from then on. Answer 200 as well when there is no such record any more, and 409 while it has a job. Nothing of the body is read.',
    ask: z.object({ pool: hookPool, id: name.describe('Your id of the record.') }),
    answer: z.object({}),
  },
  queued: {
    summary: 'Count the jobs that wait for such runners',
    description: 'Jobs that wait and that a runner with these labels, and no others, may take.',
    ask: z.object({ pool: hookPool, labels }),
    answer: z.object({
      queued: z.int().min(0).nullable().describe('How many; null where it can’t be known.'),
    }),
  },
} as const;
export type HookOperation = keyof typeof HOOK;
export type HookPool = z.infer<typeof hookPool>;

/** How old a request may be before a hook should refuse it, seconds: what the specification's libraries have. */
export const HOOK_WINDOW_SECONDS = 300;
