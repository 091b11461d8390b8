import { abandonUpload } from '../sidecar/commit_upload.ts';
import { Downloads } from '../sidecar/downloads.ts';
import { createLog } from '../sidecar/log.ts';
import { createReporter } from '../sidecar/report.ts';
import { createSidecarServer } from '../sidecar/server.ts';
import { openTokenFile } from '../sidecar/token_file.ts';
import { Uploads } from '../sidecar/uploads.ts';
import { connectUpstream } from '../sidecar/upstream.ts';
import { readSidecarConfig } from './sidecar_config.ts';

/** Serves the job until SIGTERM, which comes to a native sidecar after the runner's container has ended. */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readSidecarConfig(env);
  const log = createLog(config.logLevel, (line) => process.stdout.write(line));
  const upstream = connectUpstream({ apiUrl: config.apiUrl, token: openTokenFile(config.tokenFile) });
  const uploads = new Uploads();
  const reporter = createReporter(upstream, log);
  const server = createSidecarServer({
    upstream,
    uploads,
    downloads: new Downloads(upstream),
    resultsUpstream: config.resultsUpstream,
    onRunnerReport: reporter.runnerSpoke,
    log,
  });

  const stop = async () => {
    server.close();
    // What was reserved and never committed would keep its key from the next job until it lapsed.
    const open = uploads.all().map((upload) => abandonUpload(upstream, uploads, upload));
    await Promise.race([Promise.all([reporter.stop(), ...open]), delay(3000)]);
    server.closeAllConnections();
    upstream.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());

  // Loopback alone: whoever reaches this port speaks as the runner.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  log('info', 'sidecar serves', { port, startedMs: Math.round(performance.now()) });
  void reporter.start();
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
