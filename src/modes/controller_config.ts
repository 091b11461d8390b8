import { hostname } from 'node:os';
import { z } from 'zod';
import { areHosts, areListedHosts } from '../egress/allowed_hosts.ts';
import { durationSeconds } from '../resources/duration.ts';
import { valuePrefix } from '../resources/entity.ts';
import { quantityBytes } from '../resources/quantity.ts';
import { commaList, commaListOr, logLevel, optionalCommaList, port } from './environment.ts';

/** Configuration of `harrier controller`, by environment variable. */
export const controllerConfig = z.object({
  HARRIER_NAMESPACE: z.string().describe("Harrier's own namespace: its keys and its Lease are there."),
  HARRIER_WATCH_NAMESPACES: commaList.describe('Namespaces of the runner pools, separated by commas.'),
  HARRIER_ISSUER: z.url().describe('The iss claim of the runtime tokens.'),
  HARRIER_AUDIENCE: z.string().default('harrier').describe("The api's own audience."),
  HARRIER_API_URL: z.url().describe('Where sidecars reach the api.'),
  HARRIER_IMAGE: z.string().describe('Image of the sidecar.'),
  HARRIER_IMAGE_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  HARRIER_IDENTITY: z.string().default(hostname()).describe('Name of this process in the Lease.'),
  HARRIER_OPS_PORT: port.default(8081).describe('Port of /healthz, /readyz and /metrics.'),
  HARRIER_LOG_LEVEL: logLevel,
  HARRIER_KEY_ROTATION: z
    .string()
    .default('720h')
    .refine(isDuration, 'must be a duration of at least 1h, such as 720h')
    .describe('How long a signing key signs before the next one takes over.'),
  HARRIER_TOKEN_PREFIX: valuePrefix
    .default('hrt_')
    .describe('What the values of registration tokens begin with whose token says nothing else.'),
  HARRIER_ROUTABLE_NAMESPACES: optionalCommaList.describe(
    'Namespaces whose registration tokens are routable where neither token nor pool says; * is all.',
  ),
  HARRIER_CREDENTIAL_HOSTS: optionalCommaList
    .refine(areHosts, 'must be hosts or host:port, separated by commas')
    .describe(
      'Hosts inside the cluster, or without TLS, that supplied credentials may be validated at; host or host:port.',
    ),
  HARRIER_FORGE_HOSTS: commaListOr('*')
    .refine(areListedHosts, 'must be *, hosts or host:port, separated by commas')
    .describe(
      'Hosts that forges may be at: * for any public one over https, host or host:port for one that may also be inside or without TLS.',
    ),
  HARRIER_FORGE_NAME_PREFIX: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/)
    .default('harrier')
    .describe(
      'What the names of runners in forges begin with; another for each installation that shares a forge.',
    ),
  HARRIER_NODE_CACHE_PATH: z
    .string()
    .regex(/^(\/[A-Za-z0-9._-]+)+$/)
    .optional()
    .describe('Folder of the nodes for what runners restore; absent where pools may not keep it there.'),
  HARRIER_NODE_CACHE_MAX_SIZE: z
    .string()
    .default('20Gi')
    .refine(isQuantity, 'must be a size such as 20Gi')
    .describe('Most that the runners of one tenant may keep on a node.'),
  HARRIER_CELL: z.string().optional().describe('Cell of the runners whose pool names none.'),
});

export type ControllerConfig = z.infer<typeof controllerConfig>;

function isQuantity(text: string): boolean {
  try {
    return quantityBytes(text) > 0;
  } catch {
    return false;
  }
}

function isDuration(text: string): boolean {
  try {
    return durationSeconds(text) >= 3600;
  } catch {
    return false;
  }
}
