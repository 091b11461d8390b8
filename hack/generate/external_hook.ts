import { z } from 'zod';
import { HOOK, HOOK_WINDOW_SECONDS } from '../../src/forges/external/contract.ts';

/** The hook that people write for a forge of their own, as OpenAPI: from the schemas that the adapter checks by. */
export function externalHookFile(): [path: string, text: string] {
  return ['docs/external_hook.openapi.json', `${JSON.stringify(description(), null, 2)}\n`];
}

const SIGNED = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const HEADERS: Record<string, string> = {
  'webhook-id': 'Id of the request; the same when it is repeated.',
  'webhook-timestamp': `Seconds since 1970; refuse what is more than ${HOOK_WINDOW_SECONDS} seconds away.`,
  'webhook-signature':
    'By space: `v1,` and base64 of the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>` with the key `secret`.',
};
const REFUSALS: Record<string, string> = {
  401: 'The signature is wrong, or old: Unauthorized.',
  403: 'This pool may not: Forbidden.',
  404: 'There is no such thing: NotFound.',
  409: 'Not now, such as a record whose runner has a job: Refused.',
  422: 'Not with these values: Refused.',
  429: 'Too often; with Retry-After: RateLimited.',
  503: 'Not able to; asked again: Unavailable.',
};

function description() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hook of an external forge',
      version: 'v1',
      description:
        'What Harrier asks of a forge that it does not know: see docs/forges_external.md. You serve this; Harrier is the client. Fields that you do not know may come with later versions; pass over them.',
    },
    servers: [{ url: 'https://forge.example.com/harrier', description: 'spec.forge.url of the pool.' }],
    paths: Object.fromEntries(
      Object.entries(HOOK).map(([operation, { summary, description, ask, answer }]) => [
        `/v1/${operation}`,
        {
          post: {
            operationId: operation,
            summary,
            description,
            parameters: SIGNED.map((name) => ({
              name,
              in: 'header',
              required: true,
              description: HEADERS[name],
              schema: { type: 'string' },
            })),
            requestBody: { required: true, content: json(schemaOf(ask)) },
            responses: {
              200: { description: 'Done.', content: json(schemaOf(answer)) },
              ...Object.fromEntries(
                Object.entries(REFUSALS).map(([status, description]) => [
                  status,
                  { description, content: { 'application/problem+json': { schema: PROBLEM } } },
                ]),
              ),
            },
          },
        },
      ]),
    ),
  };
}

/** RFC 9457. Only the status is read: the rest is for whoever looks at the hook's own traffic. */
const PROBLEM = {
  type: 'object',
  properties: { title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' } },
};

const json = (schema: object) => ({ 'application/json': { schema } });

function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
