import { z } from 'zod';
import type { S3Options } from '../cache/blobs/s3/options.ts';

/** Where the bucket of the cache's bytes is; without a bucket they are in the data folder. */
export const s3Config = z.object({
  HARRIER_S3_BUCKET: z
    .string()
    .optional()
    .describe("Bucket that keeps the cache's bytes; the data folder does when absent."),
  HARRIER_S3_ENDPOINT: z.url().optional().describe("Base URL of the service; AWS' own when absent."),
  HARRIER_S3_REGION: z.string().default('us-east-1').describe('Region of the bucket.'),
  HARRIER_S3_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9._-]+\/)*$/)
    .default('harrier/')
    .describe('What all keys begin with; nobody else may keep anything under it.'),
  HARRIER_S3_PATH_STYLE: z
    .stringbool()
    .default(false)
    .describe('Name the bucket in the path instead of in the host.'),
  HARRIER_S3_CONDITIONAL_WRITES: z
    .stringbool()
    .default(true)
    .describe('Sign If-None-Match: * into uploads; off for services that refuse it.'),
  HARRIER_S3_ACCESS_KEY_ID_FILE: z
    .string()
    .optional()
    .describe("File with the access key's id, read anew every minute; the SDK's default chain when absent."),
  HARRIER_S3_SECRET_ACCESS_KEY_FILE: z.string().optional().describe('File with its secret.'),
  HARRIER_S3_CA_FILE: z
    .string()
    .optional()
    .describe(
      "File with the PEM of the authorities that vouch for the service; the system's own when absent.",
    ),
});

/** Undefined where the bytes are in the data folder. Throws when only half of the credentials is named. */
export function s3Options(config: z.infer<typeof s3Config>): S3Options | undefined {
  if (config.HARRIER_S3_BUCKET === undefined) return undefined;
  const accessKeyIdFile = config.HARRIER_S3_ACCESS_KEY_ID_FILE;
  const secretAccessKeyFile = config.HARRIER_S3_SECRET_ACCESS_KEY_FILE;
  if ((accessKeyIdFile === undefined) !== (secretAccessKeyFile === undefined)) {
    throw new Error('HARRIER_S3_ACCESS_KEY_ID_FILE and HARRIER_S3_SECRET_ACCESS_KEY_FILE go together');
  }
  return {
    bucket: config.HARRIER_S3_BUCKET,
    endpoint: config.HARRIER_S3_ENDPOINT,
    region: config.HARRIER_S3_REGION,
    prefix: config.HARRIER_S3_PREFIX,
    pathStyle: config.HARRIER_S3_PATH_STYLE,
    conditionalWrites: config.HARRIER_S3_CONDITIONAL_WRITES,
    credentials:
      accessKeyIdFile === undefined || secretAccessKeyFile === undefined
        ? undefined
        : { accessKeyIdFile, secretAccessKeyFile },
    caFile: config.HARRIER_S3_CA_FILE,
  };
}
