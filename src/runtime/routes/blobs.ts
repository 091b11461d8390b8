import { z } from 'zod';
import type { Artifacts } from '../../artifacts/open.ts';
import { ARTIFACT_PATH, ENTRY_PATH, PART_PATH } from '../../cache/blobs/signed_url.ts';
import type { Cache } from '../../cache/open.ts';
import type { ByteRange } from '../../http/byte_range.ts';
import { createCollector } from '../../memory/collector.ts';
import { storedPartsAnswer } from '../../protocol/cache.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { problem } from '../problem.ts';
import { sendContent } from '../send_content.ts';
import type { ApiPlugin } from '../server.ts';
import { refusedAsProblem } from './cache.ts';

const signature = { exp: z.string().optional(), sig: z.string().optional() };
const entryQuery = z.object({ ...signature, tenant: z.string().optional() });
const config = { access: 'signed-url' } as const;
const tags = ['cache'];
const bytes = z.any().describe('application/octet-stream');

/** Where the cache's bytes go in and out, by signed URL and without a token. Streams both ways, buffers neither. */
export function blobRoutes(cache: Cache, artifacts: Artifacts): ApiPlugin {
  return async (app) => {
    app.setErrorHandler(refusedAsProblem);
    const collector = createCollector();
    app.addHook('onRequest', (_request, reply, done) => {
      collector.begin();
      // Comes once whatever happens, an abort included.
      reply.raw.once('close', () => collector.end());
      done();
    });
    // Bodies of any media type, unparsed: the handler reads the stream itself, up to the signed length.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', {}, (_request, payload, done) => done(null, payload));

    app.put(
      `${PART_PATH}/:blob`,
      {
        config,
        schema: {
          summary: 'Store one part',
          tags,
          params: z.object({ blob: z.string() }),
          querystring: z.object({ ...signature, size: z.string().optional() }),
          response: {
            201: z.undefined(),
            400: problemDetails,
            403: problemDetails,
            409: problemDetails,
            507: problemDetails,
          },
        },
      },
      async (request, reply) => {
        try {
          const { blob, sizeBytes } = cache.urls.checkPart(request.params.blob, request.query);
          // Judged before a byte is read: the parser then holds the body to it.
          const announced = request.headers['content-length'];
          if (announced === undefined || Number(announced) !== sizeBytes) {
            const came = announced ?? 'a body without Content-Length';
            throw problem('cache-size-mismatch', `The URL is for ${sizeBytes} bytes, not ${came}.`);
          }
          await cache.write(blob, sizeBytes, request.raw);
        } catch (error) {
          // What is left of the body must neither be taken for the next request nor be waited for.
          reply.header('connection', 'close');
          throw error;
        }
        return reply.code(201).send(undefined);
      },
    );

    app.get(
      `${ENTRY_PATH}/:entry`,
      {
        config,
        exposeHeadRoute: false,
        schema: {
          summary: 'The bytes of an entry',
          description: 'Answers one Range; several are answered with the whole.',
          tags,
          params: z.object({ entry: z.string() }),
          querystring: z.object({ ...signature, tenant: z.string().optional() }),
          headers: z.object({ range: z.string().optional(), 'if-range': z.string().optional() }),
          response: { 200: bytes, 206: bytes, 403: problemDetails, 404: problemDetails, 416: z.undefined() },
        },
      },
      async (request, reply) => {
        const { tenant, entryId } = cache.urls.checkEntry(request.params.entry, request.query);
        const content = await cache.content(tenant, entryId);
        if (content === undefined) throw problem('not-found', 'The entry is gone.');
        const read = (range: ByteRange) => cache.read(content, range);
        return sendContent(reply, request.headers, { ...content, read });
      },
    );

    app.get(
      `${ENTRY_PATH}/:entry/parts`,
      {
        config,
        exposeHeadRoute: false,
        schema: {
          summary: 'Where the parts of an entry are',
          description: 'In a store of their own, from which whoever restores reads them.',
          tags,
          params: z.object({ entry: z.string() }),
          querystring: entryQuery.extend({ offset: z.coerce.number().int().min(0).default(0) }),
          response: { 200: storedPartsAnswer, 403: problemDetails, 404: problemDetails },
        },
      },
      (request, reply) => {
        const { tenant, entryId } = cache.urls.checkEntry(request.params.entry, request.query);
        reply.header('cache-control', 'private, no-store');
        return cache.storedParts(tenant, entryId, request.query.offset);
      },
    );

    app.post(
      `${ENTRY_PATH}/:entry/doubts`,
      {
        config,
        schema: {
          summary: 'Say that an entry has other bytes than were saved',
          description:
            'It is read through soon, and quarantined when that is so; the word alone does nothing.',
          tags,
          params: z.object({ entry: z.string() }),
          querystring: entryQuery,
          response: { 202: z.undefined(), 403: problemDetails },
        },
      },
      async (request, reply) => {
        const { tenant, entryId } = cache.urls.checkEntry(request.params.entry, request.query);
        cache.doubt(tenant, entryId);
        return reply.code(202).send(undefined);
      },
    );

    app.get(
      `${ARTIFACT_PATH}/:artifact`,
      {
        config,
        exposeHeadRoute: false,
        schema: {
          summary: 'The bytes of an artifact',
          description: 'Answers one Range; several are answered with the whole.',
          tags: ['artifacts'],
          params: z.object({ artifact: z.string() }),
          querystring: z.object({ ...signature, tenant: z.string().optional() }),
          headers: z.object({ range: z.string().optional(), 'if-range': z.string().optional() }),
          response: { 200: bytes, 206: bytes, 403: problemDetails, 404: problemDetails, 416: z.undefined() },
        },
      },
      async (request, reply) => {
        const { tenant, artifactId } = cache.urls.checkArtifact(request.params.artifact, request.query);
        const content = await artifacts.content(tenant, artifactId);
        if (content === undefined) throw problem('not-found', 'The artifact is gone.');
        const read = (range: ByteRange) => cache.stores.blobs.read(content.blobs, range);
        return sendContent(reply, request.headers, { ...content, read });
      },
    );

    app.get(
      `${ARTIFACT_PATH}/:artifact/parts`,
      {
        config,
        exposeHeadRoute: false,
        schema: {
          summary: 'Where the parts of an artifact are',
          description: 'In a store of their own, from which whoever downloads reads them.',
          tags: ['artifacts'],
          params: z.object({ artifact: z.string() }),
          querystring: entryQuery.extend({ offset: z.coerce.number().int().min(0).default(0) }),
          response: { 200: storedPartsAnswer, 403: problemDetails, 404: problemDetails },
        },
      },
      (request, reply) => {
        const { tenant, artifactId } = cache.urls.checkArtifact(request.params.artifact, request.query);
        reply.header('cache-control', 'private, no-store');
        return artifacts.storedParts(tenant, artifactId, request.query.offset);
      },
    );
  };
}
