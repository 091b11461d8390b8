import { z } from 'zod';

const PATTERN = /^([0-9]+(?:\.[0-9]{1,9})?)(k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$/;

const FACTORS: Record<string, number> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * A size as Kubernetes writes quantities, such as `10Gi` or `500M`; no exponents, and nothing below a byte.
 * The apiserver compares it by CEL's own quantity library.
 */
export function quantity(description: string, bounds: { min: string; max: string }) {
  return z
    .string()
    .min(1)
    .max(24)
    .regex(PATTERN)
    .describe(description)
    .meta({
      'x-kubernetes-validations': [
        {
          rule: `quantity(self).compareTo(quantity('${bounds.min}')) >= 0`,
          message: `must be at least ${bounds.min}`,
        },
        {
          rule: `quantity(self).compareTo(quantity('${bounds.max}')) <= 0`,
          message: `must be at most ${bounds.max}`,
        },
      ],
    });
}

/** Whole bytes of a quantity that the schema has admitted, rounded up; throws on any other text. */
export function quantityBytes(text: string): number {
  const match = PATTERN.exec(text);
  if (match === null) throw new Error(`not a quantity such as 10Gi or 500M: ${text}`);
  const [, digits = '', unit] = match;
  return Math.ceil(Number(digits) * (unit === undefined ? 1 : (FACTORS[unit] ?? 1)));
}
