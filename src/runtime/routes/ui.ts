import { hash } from 'node:crypto';
import { z } from 'zod';
import { type PageFile, pageFiles } from '../../ui/page_files.ts';
import type { ApiPlugin } from '../server.ts';

/**
 * What a browser may do with the page: run our one script, colour it with our one sheet, and talk to us. Nothing inline,
 * nothing of elsewhere, in no frame; and no text is ever made into markup (Trusted Types).
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  // Asked for again each time, so that page and api are of one version; the tag makes that cheap.
  'cache-control': 'no-cache',
};

const PATHS: Record<PageFile['path'], string> = {
  '/ui': 'A page of pools, runners and caches',
  '/ui/page.js': 'Its script',
  '/ui/page.css': 'Its style sheet',
  '/ui/icon.svg': 'Its icon',
};

/** The page itself holds nothing: what it shows it asks /v1/overview for, with the token of whoever looks at it. */
export function uiRoutes(): ApiPlugin {
  let made: Promise<Map<string, PageFile & { etag: string }>> | undefined;
  const files = () => {
    made ??= pageFiles().then(
      (list) =>
        new Map(
          list.map((file) => [file.path, { ...file, etag: `"${hash('sha256', file.body, 'base64url')}"` }]),
        ),
    );
    return made;
  };
  return async (app) => {
    for (const [path, summary] of Object.entries(PATHS))
      app.get(
        path,
        {
          config: { access: 'public' },
          schema: { summary, tags: ['management'], response: { 200: z.string(), 304: z.undefined() } },
          serializerCompiler: () => (body) => String(body ?? ''),
        },
        async (request, reply) => {
          const file = (await files()).get(path);
          if (file === undefined) throw new Error(`the page has no ${path}`);
          reply.headers({ ...HEADERS, etag: file.etag });
          if (request.headers['if-none-match'] === file.etag) return reply.code(304).send(undefined);
          return reply.type(file.type).send(file.body);
        },
      );
  };
}
