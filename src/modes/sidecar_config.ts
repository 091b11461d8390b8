import type { LogLevel } from '../sidecar/log.ts';
import { isLogLevel } from '../sidecar/log.ts';

export interface SidecarConfig {
  /** Base URL of the api, without a slash at its end. */
  apiUrl: string;
  tokenFile: string;
  /** The token for the agent connection; agent mode is on where there is one. */
  agentTokenFile: string | undefined;
  /** Loopback port; 0 takes any free one. */
  port: number;
  /** Base URL of the server to which what isn't cache goes on. */
  resultsUpstream: string | undefined;
  /** Where we stand for the results upstream, whose name leads there, and the folder of our certificate for it. */
  interception: { address: string; port: number; folder: string } | undefined;
  /** The pod's alias for its loopback under which @actions/cache restores in parallel. */
  blobHost: string | undefined;
  /** The folder on the node's disk for what its runners restore, and the most bytes that it may have. */
  nodeTier: { folder: string; limit: number; tenant: string | undefined } | undefined;
  /** The folder for what the runner joins its forge with; absent where it joins none. */
  joinFolder: string | undefined;
  /** Whether Harrier serves the artifacts of the job. */
  artifacts: boolean;
  logLevel: LogLevel;
}

/** Reads the configuration by hand: the zod schemas of the other modes would be a fifth of the sidecar's memory. */
export function readSidecarConfig(env: NodeJS.ProcessEnv): SidecarConfig {
  const wrong: string[] = [];
  const url = (name: string, required: boolean): string | undefined => {
    const text = env[name];
    if (text === undefined || text === '') {
      if (required) wrong.push(`${name}: is required`);
      return undefined;
    }
    if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
      wrong.push(`${name}: must be an http or https URL`);
      return undefined;
    }
    return text.replace(/\/+$/, '');
  };
  const apiUrl = url('HARRIER_API_URL', true) ?? '';
  const resultsUpstream = url('HARRIER_RESULTS_UPSTREAM', false);
  const portText = env.HARRIER_PORT || '8479';
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) wrong.push('HARRIER_PORT: must be a port number');
  const interception = interceptionOf(env, resultsUpstream, wrong);
  const nodeTier = nodeTierOf(env, wrong);
  const artifacts = env.HARRIER_ARTIFACTS || 'false';
  if (!/^(true|false)$/.test(artifacts)) wrong.push('HARRIER_ARTIFACTS: must be true or false');
  const logLevel = env.HARRIER_LOG_LEVEL || 'info';
  if (!isLogLevel(logLevel)) wrong.push('HARRIER_LOG_LEVEL: must be a level such as info');
  if (wrong.length > 0 || !isLogLevel(logLevel))
    throw new Error(`the environment is not complete:\n${wrong.map((line) => `  ${line}`).join('\n')}`);
  const tokenFile = env.HARRIER_TOKEN_FILE || '/var/run/secrets/harrier.dev/token';
  const agentTokenFile = env.HARRIER_AGENT_TOKEN_FILE || undefined;
  const joinFolder = env.HARRIER_JOIN_DIR || undefined;
  const blobHost = env.HARRIER_BLOB_HOST || undefined;
  return {
    apiUrl,
    tokenFile,
    agentTokenFile,
    port,
    resultsUpstream,
    interception,
    blobHost,
    artifacts: artifacts === 'true',
    nodeTier,
    joinFolder,
    logLevel,
  };
}

function nodeTierOf(env: NodeJS.ProcessEnv, wrong: string[]): SidecarConfig['nodeTier'] {
  const folder = env.HARRIER_NODE_CACHE_DIR || undefined;
  if (folder === undefined) return undefined;
  const limit = Number(env.HARRIER_NODE_CACHE_BYTES || Number.NaN);
  if (!(Number.isSafeInteger(limit) && limit > 0))
    wrong.push('HARRIER_NODE_CACHE_BYTES: must be a number of bytes');
  return { folder, limit, tenant: env.HARRIER_NODE_CACHE_TENANT || undefined };
}

function interceptionOf(
  { HARRIER_INTERCEPTION_DIR: folder, HARRIER_INTERCEPTION_ADDRESS: standsAt = '' }: NodeJS.ProcessEnv,
  resultsUpstream: string | undefined,
  wrong: string[],
): SidecarConfig['interception'] {
  if (folder === undefined || folder === '') return undefined;
  const [, address = '', port] = /^(127(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(standsAt) ?? [];
  if (address === '')
    wrong.push('HARRIER_INTERCEPTION_ADDRESS: must be an address of the loopback and a port');
  if (resultsUpstream === undefined)
    wrong.push('HARRIER_RESULTS_UPSTREAM: is required where it is intercepted');
  return { address, port: Number(port), folder };
}
