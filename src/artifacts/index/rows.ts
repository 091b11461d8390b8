import type { Part } from '../../cache/index/index.ts';
import type { Artifact } from './index.ts';

/** A row as either database answers it: PostgreSQL's driver gives a bigint as text. */
export type Row = Record<string, unknown>;

/** As text, since an id may be larger than a number holds; SQLite's column takes it back as an integer. */
export function idOf(row: Row): string {
  return String(row.id);
}

export function artifactOf(row: Row): Artifact {
  return {
    id: idOf(row),
    run: String(row.run),
    job: String(row.job),
    name: String(row.name),
    sizeBytes: Number(row.size),
    mimeType: String(row.mime_type),
    digest: row.digest === null ? undefined : String(row.digest),
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
  };
}

export function partOf(row: Row): Part {
  return {
    number: Number(row.number),
    blob: String(row.blob),
    sizeBytes: Number(row.size),
    ...(row.crc32 == null ? {} : { crc32: Number(row.crc32) }),
    ...(row.mark == null ? {} : { mark: String(row.mark) }),
  };
}
