import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  SchemaNotStructural,
  type StructuralSchema,
  structuralSchema,
} from '../../src/resources/structural_schema.ts';

describe('structuralSchema', () => {
  test.each<[string, z.ZodType, StructuralSchema]>([
    ['an integer without bounds', z.int(), { type: 'integer', format: 'int64' }],
    ['a small integer', z.int().min(0).max(5), { type: 'integer', format: 'int32', minimum: 0, maximum: 5 }],
    [
      'a time keeps its format alone',
      z.string().meta({ format: 'date-time' }),
      { type: 'string', format: 'date-time' },
    ],
    ['a pattern with slashes', z.string().regex(/^a\/b$/), { type: 'string', pattern: '^a/b$' }],
    ['a map', z.record(z.string(), z.string()), { type: 'object', additionalProperties: { type: 'string' } }],
    [
      'a loose object',
      z.looseObject({}),
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: {} },
    ],
    [
      'CEL rules',
      z.string().meta({ 'x-kubernetes-validations': [{ rule: 'self != ""', message: 'm' }] }),
      { type: 'string', 'x-kubernetes-validations': [{ rule: 'self != ""', message: 'm' }] },
    ],
  ])('%s', (_, schema, expected) => {
    expect(structuralSchema(schema, 'x')).toEqual(expected);
  });

  test('a field with a default is optional and keeps it', () => {
    const schema = z.object({ a: z.boolean().default(true).describe('A.'), b: z.string().describe('B.') });
    const { required, properties } = structuralSchema(schema, 'x');
    expect(required).toEqual(['b']);
    expect(properties?.a).toEqual({ description: 'A.', type: 'boolean', default: true });
  });

  test.each<[string, z.ZodType, string]>([
    ['a union', z.object({ a: z.union([z.string(), z.int()]).describe('A.') }), 'x.a'],
    ['a literal null', z.object({ a: z.string().nullable().describe('A.') }), 'x.a'],
    ['a strict object', z.strictObject({}), 'x'],
    ['anything at all', z.object({ a: z.unknown().describe('A.') }), 'x.a'],
    [
      'a field without a text',
      z.object({ a: z.array(z.object({ b: z.string() })).describe('A.') }),
      'x.a[].b',
    ],
    ['a recursive shape', recursive(), 'x.inner'],
  ])('refuses %s with its path', (_, schema, path) => {
    expect(() => structuralSchema(schema, 'x')).toThrow(SchemaNotStructural);
    expect(() => structuralSchema(schema, 'x')).toThrow(new RegExp(`^${path.replace(/[[\]]/g, '\\$&')}: `));
  });

  test('whatever is nested how, the apiserver may take it: only known keywords, every field explained', () => {
    fc.assert(
      fc.property(describedObject(true), (schema) => {
        for (const [path, node] of nodes(structuralSchema(schema, 'x'), 'x')) {
          expect(node.type, path).toBeTypeOf('string');
          for (const banned of ['$ref', 'oneOf', 'anyOf', 'allOf', 'not', '$schema'])
            expect(node, path).not.toHaveProperty([banned]);
          expect([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]).not.toContain(node.maximum);
          for (const [name, field] of Object.entries(node.properties ?? {})) {
            expect(field.description, `${path}.${name}`).toBeTruthy();
            if (field.default !== undefined) expect(node.required ?? []).not.toContain(name);
          }
        }
      }),
    );
  });

  test('one text missing anywhere is found', () => {
    fc.assert(
      fc.property(describedObject(false), (schema) => {
        expect(() => structuralSchema(schema, 'x')).toThrow('has no description');
      }),
    );
  });
});

function recursive(): z.ZodType {
  const self: z.ZodType = z.object({
    get inner() {
      return self.optional();
    },
  });
  return self;
}

/** Objects of any depth, each field with a text; or, when not `complete`, one field without somewhere inside. */
function describedObject(complete: boolean): fc.Arbitrary<z.ZodType> {
  const leaf = fc.constantFrom<z.ZodType>(
    z.string(),
    z.int(),
    z.int().max(9),
    z.boolean(),
    z.enum(['a', 'b']),
    z.boolean().default(false),
    z.array(z.string()).default([]),
    z.record(z.string(), z.int()),
  );
  const { any } = fc.letrec<{ any: z.ZodType; object: z.ZodType }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      leaf,
      tie('object'),
      tie('object').map((one) => z.array(one)),
    ),
    object: fc
      .dictionary(fc.constantFrom('a', 'b', 'c'), fc.tuple(tie('any'), fc.boolean()), { minKeys: 1 })
      .map((fields) =>
        z.object(
          Object.fromEntries(
            Object.entries(fields).map(([name, [field, optional]]) => [
              name,
              (optional ? field.optional() : field).describe(`The ${name}.`),
            ]),
          ),
        ),
      ),
  }));
  const wrap = (inner: z.ZodType) => z.object({ top: inner.describe('The top.') });
  if (complete) return any.map(wrap);
  return fc.tuple(any, leaf, fc.integer({ min: 0, max: 4 })).map(([sibling, bare, depth]) => {
    let inner: z.ZodType = z.object({ sibling: sibling.describe('Beside it.'), bare });
    for (let level = 0; level < depth; level += 1)
      inner = level % 2 === 0 ? z.array(inner) : z.object({ inner: inner.describe('Inside.') });
    return wrap(inner);
  });
}

function* nodes(schema: StructuralSchema, path: string): Generator<[string, StructuralSchema]> {
  yield [path, schema];
  for (const [name, field] of Object.entries(schema.properties ?? {})) yield* nodes(field, `${path}.${name}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* nodes(schema.additionalProperties, `${path}{}`);
}
