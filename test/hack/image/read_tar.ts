import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';

export interface TarMember {
  name: string;
  type: Header['type'];
  mode: number;
  uid: number;
  gid: number;
  /** Milliseconds since 1970. */
  mtime: number;
  linkname: string | null | undefined;
  content: Buffer;
}

/** All members of a tar in their order. */
export async function readTar(file: string): Promise<TarMember[]> {
  const members: TarMember[] = [];
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk as Buffer));
    stream.on('end', () => {
      members.push({
        name: header.type === 'directory' ? `${header.name.replace(/\/$/, '')}/` : header.name,
        type: header.type,
        mode: header.mode ?? 0,
        uid: header.uid ?? 0,
        gid: header.gid ?? 0,
        mtime: header.mtime?.getTime() ?? 0,
        linkname: header.linkname,
        content: Buffer.concat(chunks),
      });
      next();
    });
  });
  await pipeline(createReadStream(file), reader);
  return members;
}
