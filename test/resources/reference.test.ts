import { describe, expect, test } from 'vitest';
import { customResources, objectSchema } from '../../src/resources/crd.ts';
import { referencePage } from '../../src/resources/reference.ts';
import type { StructuralSchema } from '../../src/resources/structural_schema.ts';

describe.each(customResources.map((one) => [one.kind, one] as const))('the page of %s', (_, resource) => {
  const page = referencePage(resource);

  test('has a row for every field, with its text', () => {
    const schema = objectSchema(resource);
    for (const part of ['spec', 'status']) {
      const section = page.slice(page.indexOf(`## ${part}\n`)).split('\n');
      const expected = [...described(schema.properties?.[part])];
      expect(expected.length).toBeGreaterThan(8);
      for (const [path, description] of expected) {
        const row = section.find((line) => line.startsWith(`| \`${path}\` |`));
        expect(row, path).toContain(description.replaceAll('|', '\\|'));
      }
    }
  });

  test('says what is refused and how', () => {
    const { spec } = objectSchema(resource).properties ?? {};
    for (const message of rules(spec)) expect(page).toContain(message);
  });

  test('every table has rows as wide as its head', () => {
    const width = (line: string) => line.replaceAll('\\|', '').split('|').length;
    const tables = page.split('\n\n').filter((block) => block.startsWith('|'));
    for (const table of tables) expect(new Set(table.split('\n').map(width)).size).toBe(1);
  });
});

function* described(schema: StructuralSchema | undefined, prefix = ''): Generator<[string, string]> {
  for (const [name, field] of Object.entries(schema?.properties ?? {})) {
    yield [prefix + name, field.description ?? ''];
    yield* described(field, `${prefix}${name}.`);
    yield* described(field.items, `${prefix}${name}[].`);
  }
}

function* rules(schema: StructuralSchema | undefined): Generator<string> {
  for (const { message } of (schema?.['x-kubernetes-validations'] ?? []) as { message: string }[])
    yield message;
  for (const field of Object.values(schema?.properties ?? {})) yield* rules(field);
  if (schema?.items !== undefined) yield* rules(schema.items);
}
