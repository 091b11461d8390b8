import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Refused } from './refusal.ts';

/**
 * The messages of github.actions.results.api.v1.ArtifactService, by the field numbers and JSON names of
 * results/api/v1/artifact.proto as @actions/artifact carries it. StringValue, Int64Value and Timestamp are the
 * well-known types, which proto3's JSON writes as a bare value.
 */
type Kind = 'text' | 'int64' | 'text-value' | 'int64-value' | 'timestamp';
export type RequestShape = Readonly<Record<number, readonly [name: string, kind: Kind]>>;
/** Every field as text; an int64 in decimal digits, a timestamp as RFC 3339. Those that were not sent are absent. */
export type Request = Readonly<Record<string, string | undefined>>;

export function decodeBinary(body: Uint8Array, shape: RequestShape): Request {
  const request: Record<string, string> = {};
  try {
    const reader = new BinaryReader(body);
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      const [name, kind] = shape[number] ?? [];
      if (name === undefined || kind === undefined || wire !== wireOf(kind)) reader.skip(wire, number);
      else request[name] = readField(reader, kind);
    }
  } catch {
    throw new Refused('bad-request', 400, 'the body is not a protobuf message of this method');
  }
  return request;
}

function wireOf(kind: Kind): WireType {
  return kind === 'int64' ? WireType.Varint : WireType.LengthDelimited;
}

function readField(reader: BinaryReader, kind: Kind): string {
  switch (kind) {
    case 'text':
      return reader.string();
    case 'int64':
      return String(reader.int64());
    case 'text-value':
      return String(decodeBinary(reader.bytes(), { 1: ['value', 'text'] }).value ?? '');
    case 'int64-value':
      return String(decodeBinary(reader.bytes(), { 1: ['value', 'int64'] }).value ?? '0');
    case 'timestamp': {
      const { seconds } = decodeBinary(reader.bytes(), { 1: ['seconds', 'int64'] });
      return new Date(Number(seconds ?? 0) * 1000).toISOString();
    }
  }
}

/** proto3 JSON: either spelling of a name, null as absent, an int64 as string or number, unknown names skipped. */
export function decodeJson(body: Record<string, unknown>, shape: RequestShape): Request {
  const request: Record<string, string> = {};
  for (const [name, kind] of Object.values(shape)) {
    const value = body[name] ?? body[camelCase(name)];
    if (value !== undefined && value !== null) request[name] = fromJson(value, name, kind);
  }
  return request;
}

function fromJson(value: unknown, name: string, kind: Kind): string {
  const isInteger = kind === 'int64' || kind === 'int64-value';
  const text = isInteger && Number.isSafeInteger(value) ? String(value) : value;
  const fits = typeof text === 'string' && (!isInteger || /^-?\d{1,19}$/.test(text));
  if (!fits || (kind === 'timestamp' && Number.isNaN(Date.parse(text))))
    throw new Refused('bad-request', 400, `${name} has the wrong type`);
  return text;
}

/** One field of an answer: a wrapped text is a StringValue, a Date a Timestamp, an array a repeated message. */
export type Answered = boolean | string | bigint | Date | { wrapped: string } | readonly Fields[];
/** Fields in order: the number is the place, from 1; undefined for what is not there. */
export type Fields = readonly (readonly [name: string, value: Answered | undefined])[];

export function encodeJson(fields: Fields): string {
  return JSON.stringify(jsonOf(fields));
}

function jsonOf(fields: Fields): Record<string, unknown> {
  const set = fields.filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, jsonValue(value as Answered)]));
}

function jsonValue(value: Answered): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(jsonOf);
  return typeof value === 'object' ? (value as { wrapped: string }).wrapped : value;
}

export function encodeBinary(fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  fields.forEach(([, value], index) => {
    if (value !== undefined) writeField(writer, index + 1, value);
  });
  return writer.finish();
}

function writeField(writer: BinaryWriter, number: number, value: Answered): void {
  const message = (fields: Fields) =>
    writer.tag(number, WireType.LengthDelimited).bytes(encodeBinary(fields));
  if (typeof value === 'boolean') writer.tag(number, WireType.Varint).bool(value);
  else if (typeof value === 'string') writer.tag(number, WireType.LengthDelimited).string(value);
  else if (typeof value === 'bigint') writer.tag(number, WireType.Varint).int64(value);
  else if (value instanceof Date) message([['seconds', BigInt(Math.floor(value.getTime() / 1000))]]);
  else if (Array.isArray(value)) for (const one of value as readonly Fields[]) message(one);
  else message([['value', (value as { wrapped: string }).wrapped]]);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
