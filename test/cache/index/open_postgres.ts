/** Opens the index and prints its signing key: `open_postgres.ts <options as JSON>` */
import { pino } from 'pino';
import { openPostgresIndex } from '../../../src/cache/index/postgres.ts';

const index = await openPostgresIndex(JSON.parse(process.argv[2] ?? ''), pino({ level: 'silent' }));
process.stdout.write(index.signingKey.export().toString('hex'));
await index.close();
