import { type CustomResource, objectSchema } from './crd.ts';
import { API_VERSION } from './group.ts';
import type { StructuralSchema } from './structural_schema.ts';

/** The reference page of a kind in Markdown: what `kubectl get` prints, and every field with its rules. */
export function referencePage(resource: CustomResource): string {
  const { spec, status } = objectSchema(resource).properties ?? {};
  if (spec === undefined || status === undefined) throw new Error(`${resource.kind} has no spec or status`);
  return [
    `# ${resource.kind}`,
    `\`${API_VERSION}\`, namespaced, short name \`${resource.shortName}\`, category \`harrier\`. ${resource.description}`,
    `## What \`kubectl get ${resource.shortName}\` prints`,
    table(
      ['column', 'field', 'meaning'],
      resource.columns.map((one) => [
        one.name.toUpperCase() + (one.priority === 1 ? ' (`-o wide`)' : ''),
        code(one.jsonPath),
        one.description,
      ]),
    ),
    section('spec', spec),
    section('status', status),
  ].join('\n\n');
}

function section(name: string, schema: StructuralSchema): string {
  return [
    `## ${name}`,
    [schema.description, ...ruleMessages(schema)].join(' '),
    table(['field', 'type', 'default', 'rules', 'meaning'], [...rows(schema, '')]),
  ].join('\n\n');
}

function* rows(schema: StructuralSchema, prefix: string): Generator<string[]> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    const required = schema.required?.includes(name) ? ['required'] : [];
    yield [
      code(path),
      typeName(field),
      isLeaf(field) && field.default !== undefined ? code(JSON.stringify(field.default)) : '',
      [...required, ...bounds(field), ...ruleMessages(field)].join('; '),
      field.description ?? '',
    ];
    yield* rows(field, `${path}.`);
    if (field.items?.properties !== undefined) yield* rows(field.items, `${path}[].`);
  }
}

/** The default of an object repeats its fields' own, so that only theirs are shown. */
function isLeaf(field: StructuralSchema): boolean {
  return field.properties === undefined;
}

function typeName(field: StructuralSchema): string {
  if (field.enum !== undefined) return field.enum.map((value) => code(String(value))).join(', ');
  if (field.items !== undefined) return `list of ${typeName(field.items)}`;
  if (field.additionalProperties !== undefined) return `map to ${typeName(field.additionalProperties)}`;
  return field.format === 'date-time' ? 'time' : (field.type ?? '');
}

const BOUNDS: Record<string, (value: unknown) => string> = {
  minimum: (value) => `at least ${value}`,
  maximum: (value) => `at most ${value}`,
  minLength: (value) => (value === 1 ? 'not empty' : ''),
  maxLength: (value) => `at most ${value} characters`,
  minItems: (value) => `at least ${value} ${value === 1 ? 'item' : 'items'}`,
  maxItems: (value) => `at most ${value} items`,
  maxProperties: (value) => `at most ${value} keys`,
  pattern: (value) => `matches ${code(String(value))}`,
  'x-kubernetes-preserve-unknown-fields': () => 'other fields are kept',
};

function bounds(field: StructuralSchema): string[] {
  const own = Object.entries(BOUNDS).map(([keyword, text]) =>
    field[keyword] === undefined ? '' : text(field[keyword]),
  );
  return own.filter((text) => text !== '');
}

function ruleMessages(field: StructuralSchema): string[] {
  const rules = (field['x-kubernetes-validations'] ?? []) as { message: string }[];
  return [...new Set(rules.map((rule) => rule.message))];
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: string[], body: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}
