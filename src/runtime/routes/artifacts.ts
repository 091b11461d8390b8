import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ArtifactAccess } from '../../artifacts/access.ts';
import type { Artifacts } from '../../artifacts/open.ts';
import type { CacheAccess } from '../../cache/scope.ts';
import {
  artifactCommitAnswer,
  artifactCommitRequest,
  artifactDownloadAnswer,
  artifactRemovedAnswer,
  artifactsAnswer,
  createArtifactAnswer,
  createArtifactRequest,
  listArtifactsQuery,
  namedArtifactQuery,
} from '../../protocol/artifacts.ts';
import { partsAnswer, partsRequest } from '../../protocol/cache.ts';
import { MAX_COMMIT_BYTES } from '../../protocol/parts.ts';
import { problemDetails } from '../../protocol/problem.ts';
import { HARRIER_CLAIM } from '../../tokens/claims.ts';
import type { Caller } from '../authenticate.ts';
import type { CallerAccess, Intent } from '../cache_access/caller_access.ts';
import { AT_WORK } from '../served_states.ts';
import type { ApiPlugin } from '../server.ts';
import { refusedAsProblem } from './cache.ts';

const uploadPath = z.object({ uploadId: z.uuid() });
const tags = ['artifacts'];
/** Own runners alone: a visitor's pool says nothing here about artifacts. */
const config = { states: AT_WORK } as const;
const refusals = { 400: problemDetails, 401: problemDetails, 403: problemDetails, 422: problemDetails };
const notFound = { ...refusals, 404: problemDetails };
const uploadRefusals = { ...notFound, 409: problemDetails };

/** Artifacts of workflow runs. Whose they are the token says; of which run, the job does: see artifacts/run.ts. */
export function artifactRoutes(artifacts: Artifacts, cacheAccess: CallerAccess): ApiPlugin {
  const accessOf = async (request: Pick<FastifyRequest, 'caller' | 'headers'>, intent: Intent) =>
    accessTo(request.caller, await cacheAccess.of(request, intent));

  return async (app) => {
    app.setErrorHandler(refusedAsProblem);

    app.post(
      '/v1/artifacts/uploads',
      {
        config,
        schema: {
          summary: 'Take a name in a run',
          tags,
          body: createArtifactRequest,
          response: { 201: createArtifactAnswer, ...refusals, 409: problemDetails },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await artifacts.create(await accessOf(request, 'write'), request.body)),
    );

    app.post(
      '/v1/artifacts/uploads/:uploadId/parts',
      {
        config,
        schema: {
          summary: 'Where to put parts of an artifact',
          tags,
          params: uploadPath,
          body: partsRequest,
          response: { 200: partsAnswer, ...uploadRefusals },
        },
      },
      async (request) =>
        artifacts.offerParts(await accessOf(request, 'write'), request.params.uploadId, request.body),
    );

    app.post(
      '/v1/artifacts/uploads/:uploadId/commit',
      {
        config,
        bodyLimit: MAX_COMMIT_BYTES,
        schema: {
          summary: 'Make an upload an artifact',
          description: 'The bytes are on the disk when it answers.',
          tags,
          params: uploadPath,
          body: artifactCommitRequest,
          response: { 200: artifactCommitAnswer, ...uploadRefusals },
        },
      },
      async (request) =>
        artifacts.commit(await accessOf(request, 'write'), request.params.uploadId, request.body),
    );

    app.delete(
      '/v1/artifacts/uploads/:uploadId',
      {
        config,
        schema: {
          summary: 'Give a name back',
          tags,
          params: uploadPath,
          response: { 204: z.undefined(), ...notFound },
        },
      },
      async (request, reply) => {
        await artifacts.release(await accessOf(request, 'write'), request.params.uploadId);
        return reply.code(204).send(undefined);
      },
    );

    app.get(
      '/v1/artifacts',
      {
        config,
        schema: {
          summary: 'Artifacts of a run',
          tags,
          querystring: listArtifactsQuery,
          response: { 200: artifactsAnswer, ...refusals },
        },
      },
      async (request) => artifacts.list(await accessOf(request, 'read'), request.query),
    );

    app.get(
      '/v1/artifacts/download',
      {
        config,
        schema: {
          summary: 'Where the bytes of an artifact are',
          tags,
          querystring: namedArtifactQuery,
          response: { 200: artifactDownloadAnswer, ...notFound },
        },
      },
      async (request) => artifacts.locate(await accessOf(request, 'read'), request.query),
    );

    app.delete(
      '/v1/artifacts',
      {
        config,
        schema: {
          summary: 'Delete an artifact',
          tags,
          querystring: namedArtifactQuery,
          response: { 200: artifactRemovedAnswer, ...notFound },
        },
      },
      async (request) => artifacts.remove(await accessOf(request, 'write'), request.query),
    );
  };
}

/**
 * The tenant is the cache's: where the pool takes it from the forge's word about the job, that of the job's repository.
 * Tokens issued before artifacts were say nothing of them: then there are none.
 */
function accessTo({ claims }: Caller, { tenant }: CacheAccess): ArtifactAccess {
  const { artifacts, runner, attempt } = claims[HARRIER_CLAIM];
  return {
    enabled: artifacts !== undefined,
    tenant,
    runner: `${runner.id}/${attempt}`,
    maxRetentionDays: artifacts?.maxRetentionDays ?? 1,
    quotaBytes: artifacts?.quotaBytes,
  };
}
