import { expect, test } from 'vitest';
import { crdName, customResourceDefinition, customResources } from '../../src/resources/crd.ts';
import { type RunnerPool, runnerPoolSpec, runnerPoolStatus } from '../../src/resources/runner_pool.ts';
import type { StructuralSchema } from '../../src/resources/structural_schema.ts';

const definitions = customResources.map(customResourceDefinition);

test('the two kinds have the names that people type', () => {
  expect(
    definitions.map((one) => [one.metadata.name, one.spec.names.shortNames, one.spec.names.categories]),
  ).toEqual([
    ['runnerpools.harrier.dev', ['rp'], ['harrier']],
    ['runnertokens.harrier.dev', ['rt'], ['harrier']],
  ]);
});

test.each([
  ['runnerpools', ['Desired', 'Ready', 'Idle', 'Busy', 'Queued', 'Forge', 'Age', 'Status']],
  ['runnertokens', ['Type', 'Pool', 'Runner', 'Usage', 'Uses', 'Last used by', 'Phase', 'Expires']],
])('kubectl get %s prints its columns, and the rest only when asked for more', (plural, names) => {
  const resource = customResources.find((one) => one.plural === plural);
  expect(resource?.columns.filter((one) => one.priority === undefined).map((one) => one.name)).toEqual(names);
});

test.each(customResources.map((one) => [crdName(one), one] as const))(
  'every column and scale path of %s leads to a field',
  (_, resource) => {
    const schema = customResourceDefinition(resource).spec.versions[0]?.schema.openAPIV3Schema;
    const paths = [...resource.columns.map((one) => one.jsonPath), ...Object.values(resource.scale ?? {})]
      .filter((path) => !path.startsWith('.metadata.'))
      .flatMap(withoutUnion)
      .flatMap((path) =>
        path.startsWith('.*.') ? [`.spec${path.slice(2)}`, `.status${path.slice(2)}`] : path,
      );
    for (const path of paths) {
      const steps = path.replace(/\[[^\]]*\]/g, '[]').match(/\w+|\[\]/g) ?? [];
      const field = steps.reduce<StructuralSchema | undefined>(
        (at, step) => (step === '[]' ? at?.items : at?.properties?.[step]),
        schema,
      );
      expect(field, path).toBeDefined();
    }
  },
);

test('the defaults of a whole group are those of its fields, so that both ways to leave it out come to the same', () => {
  const template: RunnerPool['spec']['template'] = { spec: { containers: [{ name: 'runner' }] } };
  const groups = { forge: {}, token: {}, cache: {}, lifecycle: { backoff: {} }, updateStrategy: {} };
  expect(runnerPoolSpec.parse({ template, ...groups })).toEqual(runnerPoolSpec.parse({ template }));
  expect(runnerPoolStatus.parse({})).toMatchObject({ replicas: 0, conditions: [] });
});

/** `.a['b','c'].d` is `.a.b.d` and `.a.c.d`. */
function withoutUnion(path: string): string[] {
  const [whole = '', names = ''] = /\.?\[((?:'\w+',?)+)\]/.exec(path) ?? [];
  return whole === '' ? [path] : [...names.matchAll(/\w+/g)].map(([name]) => path.replace(whole, `.${name}`));
}
