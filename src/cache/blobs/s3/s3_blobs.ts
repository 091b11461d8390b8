import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectsCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ByteRange } from '../../../http/byte_range.ts';
import { CacheRefused } from '../../refused.ts';
import type { Blobs, DirectBlobs, Examined, SizedBlob } from '../blobs.ts';
import { each } from '../each.ts';
import { createS3Client } from './client.ts';
import { absent, unavailable } from './errors.ts';
import { checked, type ObjectSlice, openObject, slicesOf } from './objects.ts';
import type { S3Options } from './options.ts';
import { Presigner } from './presign.ts';

const BLOB = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Questions to the service at once. */
const AT_ONCE = 32;
/** Bytes; a limit of the service. */
const MOST_OF_ONE_PUT = 5 * 1024 ** 3;
/** Most keys of one DeleteObjects. */
const DELETED_AT_ONCE = 1000;

function refuse(error: unknown): never {
  throw unavailable(error);
}

/**
 * Blobs as objects of an S3 bucket. Each is written by one PUT with a pre-signed URL, and is there whole or not at all:
 * the service takes no body that is shorter than its Content-Length. S3 keeps what it has acknowledged.
 */
export class S3Blobs implements Blobs {
  readonly direct: DirectBlobs;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  private constructor(client: S3Client, options: S3Options, presigner: Presigner, ca: string | undefined) {
    this.#client = client;
    this.#bucket = options.bucket;
    this.#prefix = options.prefix;
    this.direct = {
      ca,
      put: async (blob, sizeBytes) => {
        if (sizeBytes > MOST_OF_ONE_PUT) {
          throw new CacheRefused('cache-entry-too-large', 'S3 takes at most 5 GiB in one part.');
        }
        const headers = {
          'content-length': String(sizeBytes),
          ...(options.conditionalWrites ? { 'if-none-match': '*' } : {}),
        };
        return { url: await presigner.sign('PUT', this.#key(blob), headers), headers };
      },
      get: (blob) => presigner.sign('GET', this.#key(blob)),
    };
  }

  static async open(options: S3Options): Promise<S3Blobs> {
    const ca = options.caFile === undefined ? undefined : await readFile(options.caFile, 'utf8');
    const client = createS3Client(options, ca);
    return new S3Blobs(client, options, await Presigner.create(client, options.bucket), ca);
  }

  /** Throws when the bucket can't be reached with these credentials. */
  async probe(): Promise<void> {
    await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket })).catch(refuse);
  }

  async write(): Promise<void> {
    throw new CacheRefused('not-found', 'Parts are sent to the store itself here.');
  }

  async read(blobs: readonly SizedBlob[], { start, end }: ByteRange): Promise<Readable> {
    const slices = slicesOf(blobs, start, end);
    const first = slices[0] && (await this.#open(slices[0]));
    const open = (slice: ObjectSlice) => this.#open(slice);
    const bytes = async function* () {
      for (const [position, slice] of slices.entries()) {
        yield* checked(slice, position === 0 && first !== undefined ? first : await open(slice));
      }
    };
    return Readable.from(bytes(), { objectMode: false });
  }

  async #open(slice: ObjectSlice): Promise<Readable> {
    const source = await openObject(this.#client, this.#bucket, this.#key(slice.blob), slice);
    if (source === undefined) throw new CacheRefused('not-found', 'The bytes are gone.');
    return source;
  }

  async examine(blobs: readonly string[]): Promise<Map<string, Examined>> {
    const found = new Map<string, Examined>();
    await each(blobs, AT_ONCE, async (blob) => {
      const question = new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#key(blob) });
      const answer = await this.#client.send(question).catch(absent);
      if (answer === undefined) return;
      found.set(blob, { sizeBytes: answer.ContentLength ?? 0, mark: answer.ETag ?? '' });
    });
    return found;
  }

  async checksum(blob: string, onBytes: (count: number) => Promise<void> | void = () => {}) {
    const source = await openObject(this.#client, this.#bucket, this.#key(blob));
    if (source === undefined) return undefined;
    let checksum = 0;
    let sizeBytes = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      checksum = crc32(chunk, checksum);
      sizeBytes += chunk.length;
      await onBytes(chunk.length);
    }
    return { crc32: checksum, sizeBytes };
  }

  async sync(): Promise<void> {}

  async remove(blobs: readonly string[]): Promise<void> {
    for (let at = 0; at < blobs.length; at += DELETED_AT_ONCE) {
      const keys = blobs.slice(at, at + DELETED_AT_ONCE).map((blob) => ({ Key: this.#key(blob) }));
      const command = new DeleteObjectsCommand({
        Bucket: this.#bucket,
        Delete: { Objects: keys, Quiet: true },
      });
      const answer = await this.#client.send(command).catch(refuse);
      const [failed] = answer.Errors ?? [];
      if (failed !== undefined) refuse(new Error(`an object was not deleted: ${failed.Code}`));
    }
  }

  async *olderThan(time: number): AsyncIterable<string[]> {
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const answer: ListObjectsV2CommandOutput = await this.#client.send(command).catch(refuse);
      const old = (answer.Contents ?? [])
        .filter(({ LastModified }) => LastModified !== undefined && LastModified.getTime() < time)
        .map(({ Key }) => Key?.slice(this.#prefix.length) ?? '')
        .filter((name) => BLOB.test(name));
      if (old.length > 0) yield old;
      token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** The one place where an id becomes a key. */
  #key(blob: string): string {
    if (!BLOB.test(blob)) throw new CacheRefused('not-found', 'This is no id of a blob.');
    return this.#prefix + blob;
  }
}
