import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { agentOrder, agentReport } from '../../src/protocol/agent.ts';
import { AGENT_CLOSES } from '../../src/protocol/agent_close.ts';

const page = await readFile(new URL('../../docs/agent.md', import.meta.url), 'utf8');
const part = (heading: string) => page.split('\n## ').find((one) => one.startsWith(`${heading}\n`)) ?? '';
const examples = (text: string): unknown[] =>
  [...text.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => JSON.parse(match[1] ?? ''));

it.each([
  ['From the runner', agentReport],
  ['From the api', agentOrder],
])('%s: one example of each message, with all of its fields', (heading, schema) => {
  const shown = examples(part(heading));
  const parsed = shown.map((example) => schema.parse(example));
  // What a schema does not know it refuses or leaves out: what is left is all of the example.
  expect(parsed).toEqual(shown);
  const fieldsOf = (one: object) => Object.keys(one).sort();
  expect(shown.map((one) => fieldsOf(one as object))).toEqual(
    schema.options.map(({ shape }) => fieldsOf(shape)),
  );
});

it('the close codes are all there, in the words of the protocol', () => {
  const rows = [...page.matchAll(/^\| (\d{4}) \| (\w+) \| (.*) \|$/gm)].map(([, code, name, means]) => [
    name,
    [Number(code), means],
  ]);
  expect(Object.fromEntries(rows)).toEqual(AGENT_CLOSES);
});
