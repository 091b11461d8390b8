import { stringify } from 'yaml';
import { customResourceDefinition, customResources } from '../../src/resources/crd.ts';
import { GROUP } from '../../src/resources/group.ts';

const NOTICE = '# Generated from src/resources by `npm run generate`: change it there.\n';

/**
 * The CRDs, plain under crds/ and as templates of the chart. They are templates because Helm never upgrades
 * what is in a chart's own crds/ folder: an upgraded controller would then meet the old schema. The price, that
 * `helm uninstall` would take the CRDs and every pool with them, is paid off by `helm.sh/resource-policy: keep`.
 */
export function* customResourceFiles(): Generator<[path: string, text: string]> {
  for (const resource of customResources) {
    const definition = customResourceDefinition(resource);
    yield [`crds/${GROUP}_${resource.plural}.yaml`, NOTICE + yaml(definition)];
    yield [`charts/harrier/templates/crds/${resource.plural}.yaml`, NOTICE + template(yaml(definition))];
  }
}

const CHART_METADATA = `
  labels:
    {{- include "harrier.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}`;

function template(text: string): string {
  if (text.includes('{{')) throw new Error('a description holds "{{", which Helm would take for its own');
  const named = text.replace(/^metadata:\n {2}name: .*$/m, (metadata) => metadata + CHART_METADATA);
  return `{{- if .Values.crds.install }}\n${named}{{- end }}\n`;
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 100, aliasDuplicateObjects: false });
}
