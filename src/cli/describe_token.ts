import type { Event } from '../kube/kinds.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { createTable, printable } from './table.ts';
import { expiryOf, phaseOf, runnerName, scopeText, since, usesOf } from './token_columns.ts';

export interface Described {
  token: RunnerToken;
  descendants: readonly RunnerToken[];
  events: readonly Event[];
}

type Line = [label: string, text: string | undefined];

/** A token as `kubectl describe` would show it, without what is absent. */
export function describeToken({ token, descendants, events }: Described, now: Date): string {
  const { metadata, spec, status } = token;
  const lines: Line[] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Type', spec.type],
    ['Pool', spec.poolRef.name],
    ['Description', spec.description],
    ['Phase', phaseOf(token)],
    ['Reason', status?.reason],
    ['Message', status?.message],
    ['Scope', spec.scope === undefined ? undefined : scopeText(spec.scope)],
    ...(spec.type === 'Registration' ? ofRegistration(token, now) : ofRuntime(token, now)),
    ['Expires', expiryOf(token)],
    ['Created', timeAndAge(metadata.creationTimestamp, now)],
    ['Conditions', status?.conditions.map(({ type, status: is }) => `${type}=${is}`).join(', ')],
  ];
  return [
    fields(lines),
    ...(spec.type === 'Registration' ? [runnersTable(descendants, now)] : []),
    ...(events.length === 0 ? [] : [eventsTable(events)]),
  ].join('');
}

function ofRegistration(token: RunnerToken, now: Date): Line[] {
  const { spec, status } = token;
  return [
    ['Active', String(spec.active !== false)],
    ['Usage', spec.usage],
    ['Uses', usesOf(token)],
    ['Last used', status?.lastUsedAt === undefined ? undefined : timeAndAge(status.lastUsedAt, now)],
    ['Last used by', status?.lastUsedBy],
    ['Supersedes', String(spec.supersedes ?? spec.usage === 'Reusable')],
    ['On revoke', spec.onRevoke ?? 'Drain'],
    ['Secret', status?.secretRef?.name ?? spec.secretRef?.name],
  ];
}

function ofRuntime(token: RunnerToken, now: Date): Line[] {
  const { spec, status } = token;
  return [
    ['Runner', runnerName(token)],
    ['Labels', spec.runner?.labels?.join(', ')],
    ['Version', spec.runner?.version],
    ['Attempt', String(spec.attempt ?? 1)],
    ['Parent', spec.parentRef?.name],
    ['State', status?.runner?.state],
    ['Since', status?.runner === undefined ? undefined : timeAndAge(status.runner.since, now)],
    ['Subject', status?.recorded?.subject],
    ['Scopes', status?.recorded?.scopes?.join(', ')],
    ['Revoked', status?.revokedAt],
  ];
}

function fields(lines: readonly Line[]): string {
  const present = lines.filter((line): line is [string, string] => (line[1] ?? '') !== '');
  const width = Math.max(...present.map(([label]) => label.length)) + 2;
  return present.map(([label, text]) => `${`${label}:`.padEnd(width)} ${printable(text)}\n`).join('');
}

function runnersTable(descendants: readonly RunnerToken[], now: Date): string {
  if (descendants.length === 0) return 'Runners:  none\n';
  return `Runners:\n${indented(descendants, [
    ['NAME', runnerName],
    ['TOKEN', ({ metadata }) => metadata.name],
    ['STATE', ({ status }) => status?.runner?.state ?? '-'],
    ['AGE', ({ metadata }) => since(metadata.creationTimestamp, now)],
  ])}`;
}

function eventsTable(events: readonly Event[]): string {
  return `Events:\n${indented(events, [
    ['TYPE', ({ type }) => type ?? ''],
    ['REASON', ({ reason }) => reason ?? ''],
    ['MESSAGE', ({ message }) => message ?? ''],
  ])}`;
}

function indented<T>(of: readonly T[], columns: readonly [string, (one: T) => string][]): string {
  const table = createTable<T>(columns.map(([title, cell]) => ({ title, cell })));
  const lines = [table.head(of), ...of.map((one) => table.row(one))];
  return lines.map((line) => `  ${line}`).join('');
}

function timeAndAge(time: string, now: Date): string {
  return `${time} (${since(time, now)} ago)`;
}
