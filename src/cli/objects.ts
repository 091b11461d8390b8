import { RunnerTokenKind } from '../kube/kinds.ts';
import type { RunnerToken } from '../resources/runner_token.ts';

/** As kubectl's `-o name` has it: to be given to kubectl again. */
export function objectName({ metadata }: RunnerToken): string {
  return `runnertoken.harrier.dev/${metadata.name}`;
}

/** The object as the cluster has it, without the field managers' bookkeeping. */
export function asObject(token: RunnerToken): Record<string, unknown> {
  const { managedFields: _managedFields, ...metadata } = token.metadata;
  return { apiVersion: RunnerTokenKind.apiVersion, kind: RunnerTokenKind.kind, ...token, metadata };
}

/** As kubectl's `-o json`: a List. */
export function asList(tokens: readonly RunnerToken[]): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'List', items: tokens.map(asObject) };
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
