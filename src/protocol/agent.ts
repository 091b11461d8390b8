import { z } from 'zod';
import { runnerReport } from '../resources/runner_token.ts';
import { problemDetails } from './problem.ts';

const id = z.string().min(1).max(64).describe('Chosen by the runner; the answer repeats it.');
const text = z.string().max(1024).optional().describe('The same for a person.');
const time = (description: string) => z.iso.datetime().describe(description);

/** What the runner says. Each message is stored before it is acknowledged, and may be repeated until it is. */
export const agentReport = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('online'),
      id,
      ready: z.boolean().describe('Whether it can take a job: Idle if so, else Installing.'),
      message: text,
    })
    .describe('The runner is up.'),
  z.strictObject({ type: z.literal('job-started'), id, message: text }).describe('It has a job: Busy.'),
  z
    .strictObject({
      type: z.literal('job-finished'),
      id,
      message: text,
      exitCode: z.int().min(0).max(255).optional().describe("Exit code of the runner's program."),
    })
    .describe('It has ended: Terminated, for good.'),
]);
export type AgentReport = z.infer<typeof agentReport>;

export const agentDrain = z.object({
  since: time('Since when the runner is wanted gone.'),
  deadline: time('When its pod will be deleted, busy or not.').optional(),
});
export type AgentDrain = z.infer<typeof agentDrain>;

/** What the api says. A receiver leaves out fields, and ignores types, that it does not know. */
export const agentOrder = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('hello'),
      runner: z.object({ id: z.string(), name: z.string() }),
      namespace: z.string(),
      pool: z.string(),
      attempt: z.int().min(1),
      expiresAt: time('When the JWT of this connection expires.'),
      pingSeconds: z.int().describe('A peer of which nothing is heard for so long gets a ping.'),
      report: runnerReport
        .optional()
        .describe('What the api knows of the runner; absent before its first report.'),
      drain: agentDrain.optional().describe('Present while the runner is wanted gone.'),
    })
    .describe('First of all: what the api knows of the runner.'),
  z
    .object({
      type: z.literal('ack'),
      id: z.string(),
      report: runnerReport.describe('The report as stored.'),
    })
    .describe('The message of this id is stored.'),
  z
    .object({
      type: z.literal('error'),
      id: z.string().optional().describe('Absent when the message had none that could be read.'),
      problem: problemDetails.describe('What is wrong, as HTTP would answer it.'),
      retryAfterSeconds: z.int().optional().describe('When to say it again, where that may help.'),
    })
    .describe('The message of this id was not stored. The connection stays.'),
  z
    .object({ type: z.literal('drain'), ...agentDrain.shape })
    .describe('The runner is wanted gone: it may finish its job, and should take no other.'),
  z.object({ type: z.literal('resume') }).describe('It is wanted again: the last drain does not count.'),
  z
    .object({ type: z.literal('revoke'), reason: z.string().describe('Why, one of the refusals of tokens.') })
    .describe('The token is dead from now on. The connection is closed with it.'),
]);
export type AgentOrder = z.infer<typeof agentOrder>;
