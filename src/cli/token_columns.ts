import type { EntityScope } from '../resources/entity.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { briefly } from './age.ts';
import type { Column } from './table.ts';

/** A token, and whether it was deleted since it was shown. */
export interface Row {
  token: RunnerToken;
  deleted?: boolean;
}

export type TokenType = RunnerToken['spec']['type'];

/** The columns for tokens of one type, or of both. */
export function tokenColumns(type: TokenType | 'all', wide: boolean, now: () => Date): Column<Row>[] {
  const column = (title: string, cell: (token: RunnerToken) => string): Column<Row> => ({
    title,
    cell: ({ token }) => cell(token) || '-',
  });
  const registration = [
    column('USAGE', ({ spec }) => spec.usage ?? ''),
    column('USES', usesOf),
    column('LAST USED BY', ({ status }) => status?.lastUsedBy ?? ''),
  ];
  const runtime = [
    column('RUNNER', runnerName),
    column('STATE', ({ status }) => status?.runner?.state ?? ''),
  ];
  const middle: Record<TokenType | 'all', Column<Row>[]> = {
    Registration: [...registration, column('RUNNERS', ({ status }) => String(status?.runners ?? 0))],
    Runtime: runtime,
    all: [column('TYPE', ({ spec }) => spec.type), ...runtime, ...registration],
  };
  const more = [
    column('LAST USED', ({ status }) => since(status?.lastUsedAt, now())),
    column('SCOPE', ({ spec }) => (spec.scope === undefined ? '' : scopeText(spec.scope))),
    column('ATTEMPT', ({ spec }) => (spec.type === 'Runtime' ? String(spec.attempt ?? 1) : '')),
    column('PARENT', ({ spec }) => spec.parentRef?.name ?? ''),
    column('REASON', ({ status }) => status?.reason ?? ''),
    column('DESCRIPTION', ({ spec }) => spec.description ?? ''),
  ].filter(({ title }) => !ABSENT[type].includes(title));
  return [
    column('NAME', ({ metadata }) => metadata.name),
    column('POOL', ({ spec }) => spec.poolRef.name),
    ...middle[type],
    { title: 'PHASE', cell: (row) => (row.deleted ? 'Deleted' : phaseOf(row.token)) },
    column('EXPIRES', (token) => until(expiryOf(token), now())),
    column('AGE', ({ metadata }) => since(metadata.creationTimestamp, now())),
    ...(wide ? more : []),
  ];
}

/** Columns that tokens of a type never fill. */
const ABSENT: Record<TokenType | 'all', string[]> = {
  Registration: ['ATTEMPT', 'PARENT'],
  Runtime: ['LAST USED', 'DESCRIPTION'],
  all: [],
};

/** How often it was used, and of how many times: `3/10`; `3` where there is no limit. */
export function usesOf({ spec, status }: RunnerToken): string {
  if (spec.type === 'Runtime') return '';
  const most = spec.usage === 'OneTime' ? 1 : spec.maxUses;
  return `${status?.uses ?? 0}${most === undefined ? '' : `/${most}`}`;
}

export function runnerName({ spec }: RunnerToken): string {
  return spec.podRef?.name ?? spec.runner?.name ?? '';
}

export function scopeText({ type, name }: EntityScope): string {
  return name === undefined ? type : `${type}:${name}`;
}

export function phaseOf({ metadata, status }: RunnerToken): string {
  return metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Terminating';
}

/** Of a Registration token when nobody joins by it any more, of a Runtime token when its newest JWT ends. */
export function expiryOf({ spec, status }: RunnerToken): string | undefined {
  return spec.type === 'Registration' ? spec.expiresAt : status?.expiresAt;
}

export function since(time: string | undefined, now: Date): string {
  return time === undefined ? '' : briefly(now.getTime() - Date.parse(time));
}

function until(time: string | undefined, now: Date): string {
  if (time === undefined) return '';
  const left = Date.parse(time) - now.getTime();
  return left <= 0 ? 'expired' : briefly(left);
}
