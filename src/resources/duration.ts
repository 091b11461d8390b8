import { z } from 'zod';

const PATTERN = /^([0-9]+h)?([0-9]+m)?([0-9]+s)?$/;

/** A whole-second duration as Kubernetes writes it, such as `1h`, `90s` or `1h30m`. */
export function duration(description: string, bounds: { min?: string; max?: string } = {}) {
  const rules: { rule: string; message: string }[] = [];
  if (bounds.min !== undefined)
    rules.push({
      rule: `duration(self) >= duration('${bounds.min}')`,
      message: `must be at least ${bounds.min}`,
    });
  if (bounds.max !== undefined)
    rules.push({
      rule: `duration(self) <= duration('${bounds.max}')`,
      message: `must be at most ${bounds.max}`,
    });
  return z
    .string()
    .min(2)
    .max(16)
    .regex(PATTERN)
    .describe(description)
    .meta(rules.length > 0 ? { 'x-kubernetes-validations': rules } : {});
}

/** Seconds of a duration that the schema has admitted; throws on any other text. */
export function durationSeconds(text: string): number {
  const match = PATTERN.exec(text);
  if (match === null || text === '') throw new Error(`not a duration such as 1h, 90s or 1h30m: ${text}`);
  const part = (piece: string | undefined) => (piece === undefined ? 0 : Number.parseInt(piece, 10));
  return part(match[1]) * 3600 + part(match[2]) * 60 + part(match[3]);
}
