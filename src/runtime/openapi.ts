import swagger from '@fastify/swagger';
import fastifyPlugin from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';

/** Collects every route's schemas, and serves them as OpenAPI at `/openapi.json`. */
export const openapi = fastifyPlugin(
  async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Harrier runtime API',
          description:
            'What a runner may ask with its own token, and what managers of caches may. Every error is an RFC 9457 problem.',
          version: 'v1',
        },
        components: {
          securitySchemes: {
            runner: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
            agent: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
            registration: { type: 'http', scheme: 'bearer', description: 'A registration token.' },
            manager: {
              type: 'http',
              scheme: 'bearer',
              description: 'A ServiceAccount token of the audience harrier-management.',
            },
            webhook: {
              type: 'apiKey',
              in: 'header',
              name: 'X-Hub-Signature-256',
              description: 'The signature of the forge; each has a header of its own.',
            },
            introspection: { type: 'http', scheme: 'basic', description: 'A client of introspection.' },
          },
        },
      },
      transform(input) {
        const { schema, url } = jsonSchemaTransform(input);
        const access = input.route.config?.access ?? 'runner';
        const open = access === 'public' || access === 'signed-url';
        return { url, schema: { ...schema, ...(open ? {} : { security: [{ [access]: [] }] }) } };
      },
    });
    app.get(
      '/openapi.json',
      { config: { access: 'public' }, schema: { hide: true, summary: 'This API as OpenAPI' } },
      () => app.swagger(),
    );
  },
  { name: 'harrier-openapi', fastify: '5.x' },
);
