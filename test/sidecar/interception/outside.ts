/**
 * What is outside of a pod, in one process in the pod's network: the real api with its cache, a DNS server that knows
 * GitHub's results host, and the fake of that host. Arguments: JSON. Answers each message with what was seen so far.
 */
import { readFileSync } from 'node:fs';
import pino from 'pino';
import { openCache } from '../../../src/cache/open.ts';
import type { CacheAccess } from '../../../src/cache/scope.ts';
import { JOB_TOKEN_HEADER } from '../../../src/protocol/job_token.ts';
import { buildCacheApi } from '../../support/cache_api.ts';
import { API_PORT, GITHUB_ADDRESS } from './addresses.ts';
import { fakeGithubResults, type SeenByGithub } from './fake_github_results.ts';
import { startNameServer } from './name_server.ts';

export interface OutsideOptions {
  host: string;
  certFile: string;
  keyFile: string;
  dataDir: string;
  callers: Record<string, CacheAccess>;
}

export interface Seen {
  github: SeenByGithub[];
  api: { path: string; authorization: string | undefined; jobToken: string | null }[];
  namesAsked: number;
}

await begin(JSON.parse(process.argv[2] ?? '{}') as OutsideOptions);

async function begin({ host, certFile, keyFile, dataDir, callers }: OutsideOptions): Promise<void> {
  const seen: Seen = { github: [], api: [], namesAsked: 0 };
  const cache = await openCache({ dataDir, clock: Date.now, log: pino({ level: 'silent' }) });
  const api = await buildCacheApi(cache, callers);
  api.server.prependListener('request', ({ url = '', headers }) => {
    seen.api.push({
      path: url.split('?')[0] ?? '',
      authorization: headers.authorization,
      jobToken: (headers[JOB_TOKEN_HEADER] as string | undefined) ?? null,
    });
  });
  await api.listen({ host: '127.0.0.1', port: API_PORT });
  const names = await startNameServer(host, GITHUB_ADDRESS);
  const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const github = fakeGithubResults(tls, seen.github);
  await new Promise<void>((resolve) => github.listen(443, GITHUB_ADDRESS, resolve));
  process.on('message', () => process.send?.({ ...seen, namesAsked: names.asked() }));
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}
