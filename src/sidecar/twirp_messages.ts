import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Refused } from './refusal.ts';

/**
 * The messages of github.actions.results.api.v1.CacheService, as far as the service reads them: the metadata field
 * (1) is skipped, since who asks is known from the pod's own token. Numbers are proto3's, names its JSON mapping's.
 */
export interface CacheRequest {
  key: string;
  version: string;
  restoreKeys: string[];
  sizeBytes: number;
}

export type Field = 'key' | 'version' | 'restore_keys' | 'size_bytes';
/** Field numbers of a request; they differ from message to message. */
export type RequestShape = Readonly<Record<number, Field>>;
/** An answer's fields in order: name and value; the number is the place, from 1. */
export type AnswerFields = readonly (readonly [string, boolean | string])[];

export function decodeBinary(body: Uint8Array, shape: RequestShape): CacheRequest {
  const request: CacheRequest = { key: '', version: '', restoreKeys: [], sizeBytes: 0 };
  try {
    const reader = new BinaryReader(body);
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      const field = shape[number];
      if (field === 'size_bytes' && wire === WireType.Varint) request.sizeBytes = Number(reader.int64());
      else if (field === undefined || field === 'size_bytes' || wire !== WireType.LengthDelimited)
        reader.skip(wire, number);
      else if (field === 'restore_keys') request.restoreKeys.push(reader.string());
      else request[field] = reader.string();
    }
  } catch {
    throw new Refused('bad-request', 400, 'the body is not a protobuf message of this method');
  }
  return request;
}

/** proto3 JSON: either spelling of a name, null as absent, an int64 as string or number, unknown names skipped. */
export function decodeJson(body: Record<string, unknown>): CacheRequest {
  const restoreKeys = body.restore_keys ?? body.restoreKeys ?? [];
  if (!Array.isArray(restoreKeys)) throw wrongType('restore_keys');
  return {
    key: text(body.key, 'key'),
    version: text(body.version, 'version'),
    restoreKeys: restoreKeys.map((one) => text(one, 'restore_keys')),
    sizeBytes: integer(body.size_bytes ?? body.sizeBytes ?? 0),
  };
}

/** A proto3 message of bools and strings; `entry_id` alone is an int64. Defaults are left out, as proto3 has it. */
export function encodeBinary(fields: AnswerFields): Uint8Array {
  const writer = new BinaryWriter();
  fields.forEach(([name, value], index) => {
    if (value === false || value === '') return;
    if (typeof value === 'boolean') writer.tag(index + 1, WireType.Varint).bool(value);
    else if (name === 'entry_id') writer.tag(index + 1, WireType.Varint).int64(value);
    else writer.tag(index + 1, WireType.LengthDelimited).string(value);
  });
  return writer.finish();
}

/** snake_case, the only spelling that the Go client reads; `ok` is always there, other defaults are not. */
export function encodeJson(fields: AnswerFields): string {
  return JSON.stringify(Object.fromEntries(fields.filter(([name, value]) => name === 'ok' || value !== '')));
}

function text(value: unknown, name: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw wrongType(name);
  return value;
}

function integer(value: unknown): number {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw wrongType('size_bytes');
  return number;
}

function wrongType(name: string): Refused {
  return new Refused('bad-request', 400, `${name} has the wrong type`);
}
