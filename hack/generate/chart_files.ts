import { stringify } from 'yaml';
import { z } from 'zod';
import { chartValues } from './chart_values.ts';

interface Value {
  description?: string;
  type?: string;
  default?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Value>;
  additionalProperties?: unknown;
}

const NOTICE = 'Generated from hack/generate/chart_values.ts by `npm run generate`: change it there.';

/** values.yaml, its JSON schema and the reference page of the chart. */
export function* chartFiles(): Generator<[path: string, text: string]> {
  const schema = z.toJSONSchema(chartValues, { target: 'draft-07', io: 'input' }) as Value;
  yield ['charts/harrier/values.yaml', `# ${NOTICE}\n${valuesYaml(schema, '')}`];
  yield ['charts/harrier/values.schema.json', `${JSON.stringify(valuesSchema(schema), null, 2)}\n`];
  yield ['docs/reference/chart.md', `<!-- ${NOTICE} -->\n\n${page(schema)}\n`];
}

/** Helm hands `global` to every subchart: a strict schema without it would refuse the chart as a dependency. */
function valuesSchema(schema: Value): Value {
  const global = { description: "A parent chart's global values; not used.", type: 'object' };
  return { ...schema, properties: { ...schema.properties, global } };
}

function valuesYaml(schema: Value, indent: string): string {
  let text = '';
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    if (indent === '') text += '\n';
    text += `${indent}# ${value.description}\n`;
    text += isGroup(value)
      ? `${indent}${name}:\n${valuesYaml(value, `${indent}  `)}`
      : `${indent}${keyAndValue(name, value).trimEnd().replaceAll('\n', `\n${indent}`)}\n`;
  }
  return text;
}

function keyAndValue(name: string, value: Value): string {
  if (value.default === undefined) throw new Error(`the chart's value ${name} has no default`);
  return stringify({ [name]: value.default }, { lineWidth: 0 });
}

function page(schema: Value): string {
  return [
    '# Chart values',
    'What `helm upgrade --install harrier charts/harrier --set …` takes. Anything else is refused.',
    'The CRDs are templates of the chart, so that an upgrade brings their new schema along (Helm leaves a `crds/` ' +
      'folder alone), and are kept by an uninstall, which would else delete every pool with them. Delete the pools ' +
      'before you uninstall: their runners are drained by the controller. The signing keys stay until their ' +
      'namespace goes.',
    ['| value | default | meaning |', '| --- | --- | --- |', ...rows(schema, '')].join('\n'),
  ].join('\n\n');
}

function* rows(schema: Value, prefix: string): Generator<string> {
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    if (isGroup(value)) yield* rows(value, `${path}.`);
    else {
      const choice = value.enum === undefined ? '' : ` One of ${value.enum.join(', ')}.`;
      yield `| \`${path}\` | \`${JSON.stringify(value.default)}\` | ${value.description}${choice} |`;
    }
  }
}

/** A group is written out value by value; an object with a default of its own is one value. */
function isGroup(value: Value): boolean {
  return value.properties !== undefined && value.default === undefined;
}
