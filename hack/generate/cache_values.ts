import { z } from 'zod';
import { flag, host, quantity, text } from './value_kinds.ts';

/** The chart's values of the cache: a part of chart_values.ts. */
const s3 = z
  .strictObject({
    bucket: text("Bucket that keeps the cache's bytes; api.data does when empty."),
    endpoint: z
      .string()
      .regex(/^(https?:\/\/[^\s?#@]+)?$/)
      .default('')
      .describe("Base URL of the service, which the runners reach as well; AWS' own when empty."),
    region: text('Region of the bucket.', 'us-east-1'),
    prefix: z
      .string()
      .regex(/^([A-Za-z0-9._-]+\/)*$/)
      .default('harrier/')
      .describe(
        'What all keys begin with. Nobody else, no second Harrier either, may keep anything under it: it would be swept.',
      ),
    pathStyle: flag(
      'Name the bucket in the path instead of in the host, as most services but AWS want it.',
      false,
    ),
    conditionalWrites: flag(
      'Sign If-None-Match: * into uploads, so that no object is written twice; off for services that refuse it.',
      true,
    ),
    credentialsSecret: text(
      "Secret with the keys accessKeyId and secretAccessKey; the cloud's own identity for the service account when empty.",
    ),
    caConfigMap: text(
      "ConfigMap whose key ca.crt has the authorities that vouch for the service; the system's own when empty.",
    ),
  })
  .describe("Where the cache's bytes are: see docs/cache_stores_s3.md.");

const postgres = z
  .strictObject({
    host: text('Name or address of the server. Empty: the index is a file of api.data.'),
    port: z.int().min(1).max(65_535).default(5432).describe('Its port.'),
    database: z.string().min(1).default('harrier').describe('Database, of encoding UTF8.'),
    user: z.string().min(1).default('harrier').describe('Who the api is there.'),
    schema: z.string().min(1).max(63).default('harrier').describe('Schema of the tables, made when absent.'),
    passwordSecret: z
      .strictObject({
        name: text("Secret of Harrier's namespace; none when the server asks for no password."),
        key: z.string().min(1).default('password').describe('Its key.'),
      })
      .describe('The password. A change is taken up without a restart.'),
    tls: z
      .strictObject({
        mode: z
          .enum(['verify-full', 'require', 'disable'])
          .default('verify-full')
          .describe('verify-full proves the server by its certificate; require encrypts only.'),
        caConfigMap: text(
          "ConfigMap whose key ca.crt is the authority that vouches for the server; the image's own authorities when empty.",
        ),
      })
      .describe('TLS to the server.'),
    poolSize: z.int().min(2).max(1000).default(10).describe('Connections of each replica at most.'),
  })
  .describe("PostgreSQL for the cache's index. See docs/cache_stores_postgres.md.");

export const cache = z
  .strictObject({
    postgres,
    s3,
    scrubMebibytesPerSecond: z
      .int()
      .min(0)
      .max(10_000)
      .default(8)
      .describe(
        'How fast each api reads its entries through, once a day, to find bytes that have rotted; 0 to never do it.',
      ),
    nodeLocal: z
      .strictObject({
        allowed: flag(
          'Let pools keep on the disks of their nodes what runners restore (spec.cache.nodeLocal). Their namespaces ' +
            'must admit hostPath volumes: see docs/cache_node_local.md.',
          false,
        ),
        path: z
          .string()
          .regex(/^(\/[A-Za-z0-9._-]+)+$/)
          .default('/var/lib/harrier/cache')
          .describe('Folder of the nodes, under which every tenant has its own.'),
        maxSize: z
          .string()
          .regex(quantity)
          .default('20Gi')
          .describe('Most that the runners of one tenant may keep on a node, whatever their pools ask for.'),
      })
      .describe('Copies of restored entries on the disks of the nodes.'),
    freeDiskFloor: z
      .string()
      .regex(/^([0-9]{1,2}(\.[0-9]+)?%|[0-9]+(\.[0-9]{1,3})?(k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?)$/)
      .default('5%')
      .describe(
        'What of api.data stays free, as a share or a size: the least recently used entries go before it would not. Has no meaning where S3 has the bytes.',
      ),
    openUploadTimeout: z
      .string()
      .regex(/^([0-9]+h)?([0-9]+m)?([0-9]+s)?$/)
      .min(2)
      .default('1h')
      .describe(
        'How long an upload may stand still before its key and its bytes are given back; at least 1m.',
      ),
    allowedHosts: z
      .array(z.string().regex(host))
      .default([])
      .describe(
        'Hosts, as host or host:port, where pools may have the keys of job tokens (spec.cache.jobIdentity) although they ' +
          'are inside the cluster or its network, or speak plain HTTP. All others must be outside, and https.',
      ),
  })
  .describe('The cache of all pools; the limits of each are in its spec.cache.limits.');
