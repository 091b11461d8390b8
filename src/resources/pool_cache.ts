import { z } from 'zod';
import { duration } from './duration.ts';
import { quantity } from './quantity.ts';

const listByName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };

export const permission = z
  .enum(['Read', 'Write', 'ReadWrite'])
  .describe('What a runner may do in the scope: Read, Write or ReadWrite.');
export type Permission = z.infer<typeof permission>;

/** In a pool's scopes: whatever scope a job's identity names that the pool doesn't. */
export const EVERY_OTHER_SCOPE = '*';

/** Whose word about a job's repository and branches is taken. */
export const jobIdentity = z
  .object({
    issuer: z
      .string()
      .min(1)
      .max(512)
      .describe('The iss claim of the job’s token, such as https://token.actions.githubusercontent.com.'),
    jwksUrl: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s/?#@]+([/?][^\s#]*)?$/)
      .describe(
        'Where the public keys of the issuer are (RFC 7517). Plain http and addresses inside the cluster only where the installation allows the host (cache.allowedHosts).',
      ),
    audience: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe('An aud claim that the token must have; any when absent.'),
  })
  .describe('Who signs the token that the forge gives each job.');
export type JobIdentityIssuer = z.infer<typeof jobIdentity>;

/** As GitHub has them. */
const limitDefaults = {
  repositoryQuota: '10Gi',
  unreadExpiry: '168h',
  maxEntrySize: '10Gi',
  creationsPerMinute: 200,
} as const;

export const cacheLimits = z
  .object({
    repositoryQuota: quantity(
      'Bytes of all entries of one repository, in all its scopes; the least recently used make room. Where several pools save for it, the largest counts.',
      { min: '1Mi', max: '1Pi' },
    ).default(limitDefaults.repositoryQuota),
    poolQuota: quantity(
      'Bytes of all entries that runners of this pool saved, over all repositories; no quota when absent.',
      { min: '1Mi', max: '1Pi' },
    ).optional(),
    unreadExpiry: duration(
      'An entry that was neither saved nor restored for so long is removed; 0s for never.',
      {
        min: '0s',
        max: '87600h',
      },
    ).default(limitDefaults.unreadExpiry),
    maxEntrySize: quantity(
      'Bytes of the largest entry that may be saved; never more than fits into the quotas.',
      { min: '1Ki', max: '1Pi' },
    ).default(limitDefaults.maxEntrySize),
    creationsPerMinute: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(limitDefaults.creationsPerMinute)
      .describe(
        'Entries that may be begun in one repository in a minute; clients are told when to come again.',
      ),
  })
  .default(limitDefaults)
  .describe('How much the cache keeps of what the runners save; the defaults are GitHub’s.');
export type CacheLimits = z.infer<typeof cacheLimits>;

const nodeLocalDefaults = { enabled: false, size: '10Gi' } as const;

const nodeLocal = z
  .object({
    enabled: z
      .boolean()
      .default(nodeLocalDefaults.enabled)
      .describe(
        'Whether the runners keep what they restore on the disk of their node, for the next runner of the same tenant there. Only where the installation allows it, in a namespace that admits hostPath volumes.',
      ),
    size: quantity(
      'Bytes on each node, for all pools of the tenant together; the least recently used make room. At most what the installation allows.',
      { min: '1Mi', max: '1Pi' },
    ).default(nodeLocalDefaults.size),
  })
  .default(nodeLocalDefaults)
  .describe('A copy of restored entries on the disks of the nodes.');

const cacheDefaults: {
  enabled: true;
  scopesFrom: 'Pool';
  scopes: { name: string; permission: Permission }[];
  limits: typeof limitDefaults;
  nodeLocal: typeof nodeLocalDefaults;
  parallelRestores: 'Auto';
  intercept: true;
} = {
  enabled: true,
  scopesFrom: 'Pool',
  scopes: [{ name: 'default', permission: 'ReadWrite' }],
  limits: limitDefaults,
  nodeLocal: nodeLocalDefaults,
  parallelRestores: 'Auto',
  intercept: true,
};

export const poolCache = z
  .object({
    enabled: z.boolean().default(true).describe('Whether the runners have a cache.'),
    scopesFrom: z
      .enum(['Pool', 'Job'])
      .default('Pool')
      .describe(
        'Where a job’s scopes come from. Pool: from scopes. Job: from the token that the forge signed for the job, with its repository; a job without a good one has no cache.',
      ),
    jobIdentity: jobIdentity.optional(),
    scopes: z
      .array(
        z
          .object({
            name: z.string().min(1).max(512).describe('Scope name, such as refs/heads/main.'),
            permission: permission.default('ReadWrite'),
          })
          .describe('One cache scope.'),
      )
      .min(1)
      .max(10)
      .default(cacheDefaults.scopes)
      .describe(
        'Scopes in the order of look-up; saves go to the first that may be written. With scopesFrom Job they only restrict: what the job may do in a scope named here is what both allow, and * stands for every other scope.',
      )
      .meta(listByName),
    limits: cacheLimits,
    nodeLocal,
    parallelRestores: z
      .enum(['Auto', 'Always', 'Never'])
      .default('Auto')
      .describe(
        'Whether @actions/cache restores in parallel segments, by a host alias of the pods that ends in .blob.core.windows.net. Auto: where that was measured to be faster.',
      ),
    intercept: z
      .boolean()
      .default(cacheDefaults.intercept)
      .describe(
        'With forge type github: whether the name of GitHub’s results service leads to the sidecar in the pods, so that an unmodified runner keeps its caches here. What is not cache goes on to GitHub.',
      ),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "self.scopesFrom != 'Job' || has(self.jobIdentity)",
        message: 'jobIdentity is required where scopesFrom is Job',
        fieldPath: '.jobIdentity',
      },
      {
        rule: "self.scopesFrom == 'Job' || !has(self.jobIdentity)",
        message: 'jobIdentity is used by scopesFrom Job alone: set it, or leave jobIdentity out',
        fieldPath: '.scopesFrom',
      },
      {
        rule: `self.scopesFrom == 'Job' || !self.scopes.exists(one, one.name == '${EVERY_OTHER_SCOPE}')`,
        message: 'the scope * stands for scopes of jobs: it has a meaning with scopesFrom Job alone',
        fieldPath: '.scopes',
      },
    ],
  })
  .default(cacheDefaults)
  .describe('What the runners may do with the cache, and how much it keeps.');

const total = (description: string) => z.int().min(0).describe(description);

/** Written by the api, with a field manager of its own. */
export const poolCacheStatus = z
  .object({
    entries: total('Entries that runners of this pool saved and that are still there.'),
    sizeBytes: total('Their bytes.'),
    repositories: total('Repositories that they belong to.'),
    hits: total('Look-ups of this pool’s runners that found an entry, since the pool began.'),
    misses: total('Look-ups that found none.'),
    updatedAt: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .describe('When these figures last changed, give or take a minute.'),
  })
  .describe('What the cache holds for the pool; written by the api.');
export type PoolCacheStatus = z.infer<typeof poolCacheStatus>;
