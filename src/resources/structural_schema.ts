import { z } from 'zod';

/** A node of a structural OpenAPI v3 schema as CustomResourceDefinitions take it. */
export interface StructuralSchema {
  description?: string;
  type?: string;
  format?: string;
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  enum?: unknown[];
  default?: unknown;
  [keyword: string]: unknown;
}

/** The order in which a node's keywords are written, so that the generated files read and diff well. */
const KEYWORDS = [
  'description',
  'type',
  'format',
  'enum',
  'default',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
  'required',
  'properties',
  'additionalProperties',
  'items',
] as const;

/** zod bounds every integer by what a double holds exactly; to the apiserver these say nothing. */
const IMPLIED_BOUNDS: unknown[] = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const MAX_INT32 = 2 ** 31 - 1;

/** A zod schema that cannot become a structural schema, or a field without its `kubectl explain` text. */
export class SchemaNotStructural extends Error {
  override readonly name = 'SchemaNotStructural';
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
  }
}

/**
 * The structural schema of what a client may send for `schema`: fields with a default are optional,
 * `looseObject` keeps unknown fields, `x-kubernetes-*` and other keywords come from `.meta()`.
 * Throws SchemaNotStructural with the field's path for whatever the apiserver would refuse or not explain.
 */
export function structuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  const raw = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' });
  return node(raw as StructuralSchema, path);
}

function node(raw: StructuralSchema, path: string): StructuralSchema {
  const rewritten = withFormat(withUnknownFields(withoutImpliedBounds(raw), path));
  const result: StructuralSchema = Object.fromEntries(
    KEYWORDS.filter((keyword) => rewritten[keyword] !== undefined).map((keyword) => [
      keyword,
      rewritten[keyword],
    ]),
  );
  for (const keyword of Object.keys(rewritten)) {
    if (!(keyword in result)) throw new SchemaNotStructural(path, `keyword ${keyword} has no place in a CRD`);
  }
  if (result.type === undefined) throw new SchemaNotStructural(path, 'has no type');
  if (typeof result.pattern === 'string') result.pattern = result.pattern.replaceAll('\\/', '/');
  if (result.properties !== undefined) result.properties = fields(result.properties, path);
  if (result.items !== undefined) result.items = node(result.items, `${path}[]`);
  if (result.additionalProperties !== undefined)
    result.additionalProperties = node(result.additionalProperties, `${path}{}`);
  return result;
}

function fields(raw: Record<string, StructuralSchema>, path: string): Record<string, StructuralSchema> {
  const result: Record<string, StructuralSchema> = {};
  for (const [name, field] of Object.entries(raw)) {
    const own = node(field, `${path}.${name}`);
    if (!own.description) throw new SchemaNotStructural(`${path}.${name}`, 'has no description');
    result[name] = own;
  }
  return result;
}

function withoutImpliedBounds(raw: StructuralSchema): StructuralSchema {
  const { minimum, maximum, ...rest } = raw;
  return {
    ...rest,
    ...(minimum !== undefined && !IMPLIED_BOUNDS.includes(minimum) ? { minimum } : {}),
    ...(maximum !== undefined && !IMPLIED_BOUNDS.includes(maximum) ? { maximum } : {}),
  };
}

/** looseObject arrives as `additionalProperties: {}`; a structural schema may not have it beside properties. */
function withUnknownFields(raw: StructuralSchema, path: string): StructuralSchema {
  const { additionalProperties, propertyNames: _, ...rest } = raw;
  if (additionalProperties === undefined) return rest;
  if (typeof additionalProperties !== 'object')
    throw new SchemaNotStructural(path, 'is strict: the apiserver prunes unknown fields itself');
  if (Object.keys(additionalProperties).length > 0) return { ...rest, additionalProperties };
  return { ...rest, 'x-kubernetes-preserve-unknown-fields': true };
}

function withFormat(raw: StructuralSchema): StructuralSchema {
  if (raw.type !== 'integer') return raw;
  const fits = typeof raw.maximum === 'number' && raw.maximum <= MAX_INT32;
  return { ...raw, format: fits ? 'int32' : 'int64' };
}
