import { ROUTING_VALUE, type Routing } from '../../resources/entity.ts';
import { MalformedToken } from './malformed.ts';

/** Where a token's requests belong: a pool's routing without the switch that turns the routable form on. */
export type RoutingKeys = Omit<Routing, 'enabled'>;

/** The payload's keys, in the order of its lines. */
const KEYS = [
  ['c', 'cell'],
  ['g', 'group'],
  ['o', 'organization'],
  ['p', 'project'],
  ['u', 'user'],
] as const satisfies readonly (readonly [string, keyof RoutingKeys])[];
const FIELDS = new Map<string, keyof RoutingKeys>(KEYS);

/** A whole number without a leading zero: `007` is a name. */
const DECIMAL = /^(0|[1-9][0-9]*)$/;
const BASE_36 = /^(0|[1-9a-z][0-9a-z]*)$/;
const LINE = /^[a-z]:/;
/** Begins a value that is a name. It is no digit of base 36, so that `o:acme` is a number and `o:=acme` a name. */
const NAME_MARK = '=';
/** So many digits of base 36 are always below 2^53. */
const SAFE_DIGITS = 10;

/** The lines of a payload, such as `c:1\no:=acme`; empty where there is nothing to route by. */
export function writeRouting(routing: RoutingKeys): string {
  const lines: string[] = [];
  for (const [key, field] of KEYS) {
    const value = routing[field];
    if (value !== undefined) lines.push(`${key}:${writeValue(value)}`);
  }
  return lines.join('\n');
}

/**
 * Reads them back; `text` has one character a byte (latin1). Throws MalformedToken (`payload`) on whatever
 * writeRouting would have written otherwise: one routing has one payload.
 *
 * Keys of one letter that aren't known are passed over. A router may be older than the controller that made the token,
 * and must not turn it away for a key by which it would not have routed anyway.
 */
export function readRouting(text: string): RoutingKeys {
  const routing: RoutingKeys = {};
  let previous = '';
  for (const line of text.split('\n')) {
    const key = line[0] ?? '';
    if (!LINE.test(line) || key <= previous) throw new MalformedToken('payload');
    previous = key;
    const value = readValue(line.slice(2));
    const field = FIELDS.get(key);
    if (field !== undefined) routing[field] = value;
  }
  return routing;
}

function writeValue(value: string): string {
  if (!isRoutingValue(value)) throw new RangeError('a routing value is a number or a name');
  return DECIMAL.test(value) ? BigInt(value).toString(36) : NAME_MARK + value;
}

function readValue(written: string): string {
  return written.startsWith(NAME_MARK) ? readName(written.slice(1)) : readNumber(written);
}

function readName(name: string): string {
  if (!isRoutingValue(name) || DECIMAL.test(name)) throw new MalformedToken('payload');
  return name;
}

function readNumber(digits: string): string {
  const { maxLength } = ROUTING_VALUE;
  if (digits.length > maxLength || !BASE_36.test(digits)) throw new MalformedToken('payload');
  if (digits.length <= SAFE_DIGITS) return String(Number.parseInt(digits, 36));
  let number = 0n;
  for (const digit of digits) number = number * 36n + BigInt(Number.parseInt(digit, 36));
  const decimal = number.toString();
  if (decimal.length > maxLength) throw new MalformedToken('payload');
  return decimal;
}

/** Whether a text may be a routing value, as the kinds' schema has it. */
export function isRoutingValue(value: string): boolean {
  return value.length <= ROUTING_VALUE.maxLength && ROUTING_VALUE.pattern.test(value);
}
