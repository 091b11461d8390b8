/**
 * A job's steps with the unmodified @actions/artifact, in a process of its own since the client reads its environment.
 * Arguments: JSON of what to do. The last line of its output is the JSON of what came back; an error is its message.
 */
import { DefaultArtifactClient } from '@actions/artifact';

export type Step =
  | { do: 'upload'; name: string; files: string[]; root: string; retentionDays?: number; raw?: boolean }
  | { do: 'list'; latest?: boolean }
  | { do: 'get' | 'delete'; name: string }
  | { do: 'download'; id: number; to: string; expectedHash?: string };

const client = new DefaultArtifactClient();
const results: unknown[] = [];
for (const step of JSON.parse(process.argv[2] ?? '[]') as Step[])
  results.push(await perform(step).catch((error: Error) => ({ error: error.message })));
process.stdout.write(`\n${JSON.stringify(results)}\n`);

async function perform(step: Step): Promise<unknown> {
  switch (step.do) {
    case 'upload':
      return client.uploadArtifact(step.name, step.files, step.root, {
        ...(step.retentionDays === undefined ? {} : { retentionDays: step.retentionDays }),
        ...(step.raw === undefined ? {} : { skipArchive: step.raw }),
      });
    case 'list':
      return (await client.listArtifacts({ latest: step.latest ?? false })).artifacts;
    case 'get':
      return (await client.getArtifact(step.name)).artifact;
    case 'delete':
      return client.deleteArtifact(step.name);
    case 'download':
      return client.downloadArtifact(step.id, {
        path: step.to,
        ...(step.expectedHash === undefined ? {} : { expectedHash: step.expectedHash }),
      });
  }
}
