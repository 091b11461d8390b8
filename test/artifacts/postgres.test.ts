import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres, whyNoPostgres } from '../../hack/servers/postgres.ts';
import { openArtifactIndex } from '../../src/artifacts/index/open.ts';
import type { PostgresOptions } from '../../src/cache/index/postgres/options.ts';
import { openPostgresIndex } from '../../src/cache/index/postgres.ts';
import { describeArtifactIndex } from './index_conformance.ts';

const log = pino({ level: 'silent' });
const reason = whyNoPostgres();
if (reason !== undefined) console.log(`not run, since ${reason}`);

describe.skipIf(reason !== undefined)('artifacts in a real PostgreSQL', { timeout: 60_000 }, () => {
  let server: PostgresServer;
  let schemas = 0;
  beforeAll(async () => {
    server = await startPostgres({ settings: ['fsync = off'] });
  }, 300_000);
  afterAll(() => server?.stop());

  const options = (schema: string): PostgresOptions => {
    const { host, port, database, user, passwordFile } = server;
    return { ...{ host, port, database, user, passwordFile }, schema, tls: 'disable', poolSize: 4 };
  };
  const open = (schema: string) => openArtifactIndex('/nowhere', { options: options(schema), log });

  describeArtifactIndex('PostgreSQL', () => open(`artifacts ${++schemas}`));

  it('has its tables beside the cache’s, made once by however many replicas start at once', async () => {
    const cache = await openPostgresIndex(options('shared'), log);
    const replicas = await Promise.all([open('shared'), open('shared'), open('shared')]);
    const [one, two] = replicas;
    const named = {
      ...{ uploadId: 'u', run: 'r', job: 'j', name: 'n', mimeType: 'text/plain' },
      ...{ expiresAt: 2, now: 1 },
    };
    await one?.reserve('a', named);
    expect(await two?.upload('a', 'u')).toEqual({ run: 'r' });
    expect(await cache.usage({})).toEqual({ entries: 0, sizeBytes: 0 });
    for (const index of [...replicas, cache]) await index.close();
  });

  it('lets one of many replicas have a name', async () => {
    const replicas = await Promise.all(Array.from({ length: 4 }, () => open('racing')));
    const tries = Array.from({ length: 40 }, (_, job) => {
      const more = { mimeType: 'text/plain', expiresAt: 2, now: 1 };
      return replicas[job % 4]?.reserve('a', {
        ...{ uploadId: `u${job}`, run: 'r', job: `j${job}`, name: 'n' },
        ...more,
      });
    });
    const won = (await Promise.all(tries)).filter((one) => one?.outcome === 'reserved');
    expect(won).toHaveLength(1);
    for (const index of replicas) await index.close();
  });
});
