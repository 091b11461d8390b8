import type { Manifest } from '../kube/types.ts';
import { durationSeconds } from '../resources/duration.ts';
import type { EntityScope } from '../resources/entity.ts';
import { API_VERSION } from '../resources/group.ts';
import type { RunnerTokenSpec } from '../resources/runner_token.ts';
import { type Given, oneOf } from './command.ts';
import { UsageError } from './failure.ts';

/** What a Registration token is to be, as the command line has it; throws UsageError. */
export function newTokenSpec(given: Given, now: Date): RunnerTokenSpec {
  const pool = given.text('pool');
  if (pool === undefined) throw new UsageError('--pool is missing: which pool are the runners to join?');
  const oneTime = given.flag('one-time');
  const maxUses = countOf(given, 'max-uses');
  if (oneTime && maxUses !== undefined) throw new UsageError('--one-time and --max-uses exclude each other');
  const [scope, description, secret, secretKey] = ['scope', 'description', 'secret', 'secret-key'].map(
    (name) => given.text(name),
  );
  if (secretKey !== undefined && secret === undefined) throw new UsageError('--secret-key is of a --secret');
  const seconds = secondsOf(given, 'expires-in');
  const onRevoke = oneOf(given, 'on-revoke', ['Drain', 'Delete']);
  return {
    type: 'Registration',
    poolRef: { name: pool },
    usage: oneTime ? 'OneTime' : 'Reusable',
    ...(maxUses === undefined ? {} : { maxUses }),
    ...(description === undefined ? {} : { description }),
    ...(scope === undefined ? {} : { scope: readScope(scope) }),
    ...(seconds === undefined ? {} : { expiresAt: timeIn(seconds, now) }),
    ...(given.flag('keep-others') ? { supersedes: false } : {}),
    ...(onRevoke === undefined ? {} : { onRevoke }),
    ...(secret === undefined
      ? {}
      : { secretRef: { name: secret, ...(secretKey === undefined ? {} : { key: secretKey }) } }),
  };
}

export function newTokenManifest(name: string, namespace: string, spec: RunnerTokenSpec): Manifest {
  return { apiVersion: API_VERSION, kind: 'RunnerToken', metadata: { name, namespace }, spec };
}

/** Seconds of an option such as `90s`, `1h30m` or `7d`. */
export function secondsOf(given: Given, option: string): number | undefined {
  const text = given.text(option);
  if (text === undefined) return undefined;
  const [, days = '0', rest = ''] = /^(?:([0-9]{1,5})d)?(.*)$/.exec(text) ?? [];
  try {
    const seconds = Number(days) * 86_400 + (rest === '' && days !== '0' ? 0 : durationSeconds(rest));
    if (seconds > 0 && Number.isSafeInteger(seconds)) return seconds;
  } catch {
    // Told below.
  }
  throw new UsageError(`--${option} is a time such as 90s, 1h30m or 7d`);
}

function readScope(text: string): EntityScope {
  if (text === 'instance') return { type: 'instance' };
  const [, type, name] = /^(enterprise|organization|repository):(.+)$/.exec(text) ?? [];
  if ((type !== 'enterprise' && type !== 'organization' && type !== 'repository') || name === undefined)
    throw new UsageError('--scope is instance, enterprise:SLUG, organization:NAME or repository:OWNER/NAME');
  if (type === 'repository' && !/^[^/]+(\/[^/]+)+$/.test(name))
    throw new UsageError('--scope repository: needs OWNER/NAME');
  return { type, name };
}

function countOf(given: Given, option: string): number | undefined {
  const text = given.text(option);
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw new UsageError(`--${option} is a whole number from 1`);
  return Number(text);
}

function timeIn(seconds: number, now: Date): string {
  return new Date(now.getTime() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
