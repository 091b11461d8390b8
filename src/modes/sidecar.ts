import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { createAgent } from '../sidecar/agent.ts';
import { abandonUpload } from '../sidecar/commit_upload.ts';
import { Downloads } from '../sidecar/downloads.ts';
import { Drain } from '../sidecar/drain.ts';
import { fetchJoin } from '../sidecar/join/fetch_join.ts';
import { openJoinFolder } from '../sidecar/join/join_folder.ts';
import { createJoining } from '../sidecar/join/joining.ts';
import { createLog, type Log } from '../sidecar/log.ts';
import { NodeTier } from '../sidecar/node_tier/node_tier.ts';
import { createIsTenant } from '../sidecar/own_tenant.ts';
import { createReporter } from '../sidecar/report.ts';
import { isLoopbackAlias } from '../sidecar/restore_origin.ts';
import { createSidecarServer } from '../sidecar/server.ts';
import { postReports } from '../sidecar/state_reports.ts';
import { openTokenFile } from '../sidecar/token_file.ts';
import { Uploads } from '../sidecar/uploads.ts';
import { connectUpstream } from '../sidecar/upstream.ts';
import { readSidecarConfig } from './sidecar_config.ts';

/** Serves the job until SIGTERM, which comes to a native sidecar after the runner's container has ended. */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readSidecarConfig(env);
  const log = createLog(config.logLevel, (line) => process.stdout.write(line));
  const token = openTokenFile(config.tokenFile);
  const upstream = connectUpstream({ apiUrl: config.apiUrl, token });
  const uploads = new Uploads();
  const post = postReports(upstream);
  const drain = config.agentTokenFile === undefined ? undefined : new Drain();
  const agent =
    config.agentTokenFile === undefined
      ? undefined
      : createAgent({
          apiUrl: config.apiUrl,
          token: openTokenFile(config.agentTokenFile),
          post,
          onDrain: (said) => drain?.set(said),
          onRevoke() {
            revoke();
            upstream.close();
          },
          log,
        });
  const reports = agent ?? post;
  const joining =
    config.joinFolder === undefined
      ? undefined
      : createJoining({
          folder: openJoinFolder(config.joinFolder),
          fetch: (onPutOff) => fetchJoin({ upstream, key: crypto.randomUUID(), onPutOff, log }),
          log,
        });
  const reporter = createReporter(reports, log, joining?.install);
  const nodeTier =
    config.nodeTier === undefined
      ? undefined
      : await NodeTier.open({
          ...config.nodeTier,
          isOurs: createIsTenant(() => token.read(), config.nodeTier.tenant),
          log,
        });
  const { server, interception, revoke } = createSidecarServer({
    upstream,
    uploads,
    downloads: new Downloads(upstream),
    resultsUpstream: config.resultsUpstream,
    interceptionFolder: config.interception?.folder,
    artifacts: config.artifacts,
    nodeTier,
    blobHost: usable(config.blobHost, log),
    reports: {
      reports,
      onReport(state) {
        reporter.runnerSpoke(state);
        if (state !== 'Installing') joining?.tidy();
      },
    },
    join: joining?.handler,
    onJob: joining?.tidy,
    working: reporter.working,
    drain,
    log,
  });

  const stop = async () => {
    server.close();
    interception?.close();
    // What was reserved and never committed would keep its key from the next job until it lapsed.
    const open = uploads.all().map((upload) => abandonUpload(upstream, uploads, upload));
    await Promise.race([Promise.all([reporter.stop(), nodeTier?.close(), ...open]), delay(3000)]);
    agent?.stop();
    server.closeAllConnections();
    interception?.closeAllConnections();
    upstream.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());

  // Loopback alone: whoever reaches this port speaks as the runner. Last, since the pod's start waits for this port.
  if (config.interception !== undefined && interception !== undefined)
    await listen(interception, config.interception.port, config.interception.address);
  await listen(server, config.port, '127.0.0.1');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  log('info', 'sidecar serves', { port, startedMs: Math.round(performance.now()) });
  agent?.start();
  void reporter.start();
}

/**
 * The alias, unless this machine doesn't have it: a client would ask a DNS server for it, and restore nothing. All
 * containers of a pod have the same hosts file.
 */
function usable(blobHost: string | undefined, log: Log): string | undefined {
  if (blobHost === undefined || isLoopbackAlias(readFileSync('/etc/hosts', 'utf8'), blobHost))
    return blobHost;
  log('warn', 'no restores in parallel: /etc/hosts has not the alias', { blobHost });
  return undefined;
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
