import { readFile } from 'node:fs/promises';
import { S3Client } from '@aws-sdk/client-s3';
import type { S3Options } from './options.ts';

/** How long credentials from files are used before they are read again, in ms. */
const REREAD_AFTER = 60_000;
/** A request that is not answered for so long is tried again, in ms; what stalls is mostly one connection. */
const PATIENCE = 5_000;
const TRIES = 4;
const CONNECTIONS = 64;

/** The SDK's client for the control plane and for reading back; bulk goes by pre-signed URLs and not through it. */
export function createS3Client(options: S3Options, ca: string | undefined): S3Client {
  const { endpoint, region, pathStyle, credentials } = options;
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: () => readCredentials(credentials) }),
    maxAttempts: TRIES,
    // Checksums are ours and of whole parts; those of the SDK would also go into signed URLs, for an empty body.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: PATIENCE,
      requestTimeout: PATIENCE,
      socketTimeout: PATIENCE,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS, ...(ca === undefined ? {} : { ca }) },
    },
  });
}

/** Files of a mounted Secret change when the Secret does. */
async function readCredentials(files: NonNullable<S3Options['credentials']>) {
  const [accessKeyId, secretAccessKey] = await Promise.all(
    [files.accessKeyIdFile, files.secretAccessKeyFile].map(async (path) =>
      (await readFile(path, 'utf8')).trim(),
    ),
  );
  if (!accessKeyId || !secretAccessKey) throw new Error('the files of the S3 credentials are empty');
  return { accessKeyId, secretAccessKey, expiration: new Date(Date.now() + REREAD_AFTER) };
}
