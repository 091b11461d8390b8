import { z } from 'zod';

/** How much of a forge something is for: the instance, one enterprise, organization or repository. */
export const entityScope = z
  .object({
    type: z
      .enum(['instance', 'enterprise', 'organization', 'repository'])
      .describe('How much of the forge may use these runners.'),
    name: z
      .string()
      .max(512)
      .optional()
      .describe(
        'Slug of the enterprise (github), organization, or owner/repository; absent for the instance.',
      ),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "self.type == 'instance' ? !has(self.name) : has(self.name) && self.name != ''",
        message: 'name is required for enterprise, organization and repository, and refused for instance',
      },
    ],
  })
  .describe('What of the forge the runners serve.');

export type EntityScope = z.infer<typeof entityScope>;

/** What a registration token's value begins with. Its one underscore is its end: a plain value tells it by nothing else. */
export const valuePrefix = z
  .string()
  .max(16)
  .regex(/^[a-z][a-z0-9-]*_$/);

/** A routing key's value: a number, or a name without the characters that part lines and keys. */
export const ROUTING_VALUE = { pattern: /^[A-Za-z0-9][A-Za-z0-9._/-]*$/, maxLength: 128 } as const;

const routingValue = (description: string) =>
  z.string().max(ROUTING_VALUE.maxLength).regex(ROUTING_VALUE.pattern).optional().describe(description);

/** Where requests belong that bear a token: what a router reads out of it. */
export const routing = z
  .object({
    enabled: z
      .boolean()
      .optional()
      .describe(
        'Whether registration tokens are made in the routable form; the namespace decides when absent.',
      ),
    cell: routingValue('Cell that serves these runners; the installation’s own when absent.'),
    organization: routingValue('Organization they belong to.'),
    group: routingValue('Group they belong to.'),
    project: routingValue('Project they belong to.'),
    user: routingValue('User they belong to.'),
  })
  .describe('Where requests with the token belong.');

export type Routing = z.infer<typeof routing>;
