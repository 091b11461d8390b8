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
          description: 'What a runner may ask with its own token. Every error is an RFC 9457 problem.',
          version: 'v1',
        },
        components: {
          securitySchemes: { runner: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
        },
      },
      transform(input) {
        const { schema, url } = jsonSchemaTransform(input);
        const open = (input.route.config?.access ?? 'runner') !== 'runner';
        return { url, schema: { ...schema, ...(open ? {} : { security: [{ runner: [] }] }) } };
      },
    });
    app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () => app.swagger());
  },
  { name: 'harrier-openapi', fastify: '5.x' },
);
