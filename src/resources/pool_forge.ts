import { z } from 'zod';
import { duration } from './duration.ts';
import { entityScope } from './entity.ts';

export const FORGE_TYPES = ['none', 'github', 'gitea', 'forgejo', 'gitlab', 'external'] as const;
/** Forges that runners join: all types but none. */
export type ForgeType = Exclude<(typeof FORGE_TYPES)[number], 'none'>;

const forgeDefaults = { type: 'none', labels: [], pollInterval: '30s' } as const;

const proxy = z
  .object({
    url: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s/?#@]+\/?$/)
      .describe('URL of the HTTP proxy, without a user: keys proxyUsername and proxyPassword of the Secret.'),
  })
  .describe('Proxy by which the forge is asked.');

export const poolForge = z
  .object({
    type: z
      .enum(FORGE_TYPES)
      .default(forgeDefaults.type)
      .describe(
        'Which forge the runners join; none runs any program, external asks a hook of your own (see docs/forges.md).',
      ),
    url: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/)
      .optional()
      .describe(
        'Base URL of the forge, such as https://gitea.example.com; of the hook where type is external. Only hosts that the installation allows (forges.allowedHosts).',
      ),
    scope: entityScope.optional(),
    credentialsSecretRef: z
      .object({ name: z.string().min(1).max(253).describe("Name of a Secret in the pool's namespace.") })
      .optional()
      .describe(
        'The Secret with the forge credentials; docs/forges.md names its keys. Only the controller reads it.',
      ),
    labels: z
      .array(
        z
          .string()
          .min(1)
          .max(256)
          .regex(/^[^\s,]+$/),
      )
      .max(64)
      .default([...forgeDefaults.labels])
      .describe('Labels that jobs ask for (runs-on); the pool’s name when there is none.')
      .meta({ 'x-kubernetes-list-type': 'set' }),
    runnerGroup: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe(
        'Runner group that the runners join, where the forge has groups (github); its default when absent.',
      ),
    proxy: proxy.optional(),
    pollInterval: duration(
      'How often the forge is asked for runners and queued jobs while no webhook tells of a change.',
      { min: '2s', max: '1h' },
    ).default(forgeDefaults.pollInterval),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "self.type == 'none' || has(self.url)",
        message: 'url is required unless type is none',
        fieldPath: '.url',
      },
      {
        rule: "self.type == 'none' || has(self.credentialsSecretRef)",
        message: 'credentialsSecretRef is required unless type is none',
        fieldPath: '.credentialsSecretRef',
      },
      {
        rule: "!has(self.runnerGroup) || self.type == 'github'",
        message: 'runnerGroup has a meaning with type github alone',
        fieldPath: '.runnerGroup',
      },
      {
        rule: "!has(self.runnerGroup) || !has(self.scope) || self.scope.type != 'repository'",
        message: 'a repository has no runner groups',
        fieldPath: '.runnerGroup',
      },
      {
        rule: "self.type != 'github' || (has(self.scope) && self.scope.type != 'instance')",
        message: 'runners on GitHub belong to a repository, an organization or an enterprise',
        fieldPath: '.scope',
      },
      {
        rule: "self.type == 'github' || !has(self.scope) || self.scope.type != 'enterprise'",
        message: 'enterprise has a meaning with type github alone',
        fieldPath: '.scope',
      },
    ],
  })
  .default({ ...forgeDefaults, labels: [...forgeDefaults.labels] })
  .describe('The forge that the runners take jobs from.');

export type PoolForge = z.infer<typeof poolForge>;
