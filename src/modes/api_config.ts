import { z } from 'zod';
import { parseFloor } from '../cache/limits/disk_floor.ts';
import { areHosts } from '../egress/allowed_hosts.ts';
import { durationSeconds } from '../resources/duration.ts';
import { ROUTING_VALUE } from '../resources/entity.ts';
import { quantityBytes } from '../resources/quantity.ts';
import { commaList, logLevel, optionalCommaList, port } from './environment.ts';
import { postgresConfig } from './postgres_config.ts';
import { s3Config } from './s3_config.ts';

/** Configuration of `harrier api`. */
export const apiConfig = z.object({
  HARRIER_NAMESPACE: z.string().describe("Harrier's own namespace, where the public keys are."),
  HARRIER_WATCH_NAMESPACES: commaList.describe('Namespaces of the runners, by comma.'),
  HARRIER_ISSUER: z.url().describe('The iss claim: the URL under which the public keys are found.'),
  HARRIER_AUDIENCE: z.string().default('harrier').describe('The aud claim that the api asks for.'),
  HARRIER_PORT: port.default(8080).describe('Port of the runtime API.'),
  HARRIER_OPS_PORT: port.default(8081).describe('Port of metrics and health.'),
  HARRIER_HOST: z.string().optional().describe('Address that both ports are bound to; absent for all.'),
  HARRIER_DATA_DIR: z.string().describe('Folder of the cache index, its bytes and its URL-signing key.'),
  HARRIER_CELL: z
    .string()
    .max(ROUTING_VALUE.maxLength)
    .regex(ROUTING_VALUE.pattern)
    .optional()
    .describe('Cell that the api is: its signed URLs name it, so that a router finds the way back.'),
  HARRIER_RATE_LIMIT: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Requests a second that one runner may make; 0 for no limit.'),
  HARRIER_INTROSPECTION_CLIENTS: z
    .string()
    .optional()
    .describe('File of those who may introspect: a JSON object, id to SHA-256 of the secret in hexadecimal.'),
  HARRIER_INTROSPECTION_RATE: z.coerce
    .number()
    .int()
    .min(1)
    .default(500)
    .describe('Introspections a second of one client, and of one address.'),
  HARRIER_TRUSTED_ISSUERS: z
    .string()
    .optional()
    .describe('File of the installations whose runners are served as visitors; see docs/verification.md.'),
  HARRIER_MANAGEMENT: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe(
      'Whether people and programs that Kubernetes knows may manage caches, and see the page at /ui.',
    ),
  HARRIER_CACHE_FREE_DISK_FLOOR: z
    .string()
    .default('5%')
    .transform(readBy(parseFloor, 'must be a share such as 5%, or a quantity such as 20Gi'))
    .describe("What of the data folder's disk stays free: entries are evicted before it would not."),
  HARRIER_CACHE_VOLUME_SIZE: z
    .string()
    .transform(readBy(quantityBytes, 'must be a quantity such as 10Gi'))
    .optional()
    .describe('What the data folder may hold, where its filesystem does not know: as an emptyDir.'),
  HARRIER_CACHE_OPEN_UPLOAD_TIMEOUT: z
    .string()
    .default('1h')
    .transform(readBy((text) => atLeastAMinute(text) * 1000, 'must be a duration such as 1h, at least 1m'))
    .describe('How long an upload may stand still before its key and its bytes are given back.'),
  HARRIER_CACHE_ALLOWED_HOSTS: optionalCommaList
    .refine(areHosts, 'must be hosts or host:port, separated by commas')
    .describe(
      'Hosts inside the cluster, or without TLS, where the keys of jobs’ issuers may be fetched; host or host:port.',
    ),
  HARRIER_WEBHOOK_PORT: port
    .optional()
    .describe(
      'Port on which webhooks of forges are taken and nothing else; they are on HARRIER_PORT as well.',
    ),
  HARRIER_WEBHOOK_TRUSTED_PROXIES: optionalCommaList
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])))
    .describe('Ranges, by comma, of proxies before that port whose X-Forwarded-For counts.'),
  HARRIER_KEDA_PORT: port.optional().describe('Port of the external scaler for KEDA; none when absent.'),
  HARRIER_KEDA_TLS_DIR: z
    .string()
    .optional()
    .describe(
      'Folder with tls.crt and tls.key of the external scaler, and ca.crt for HARRIER_KEDA_CLIENT_CERTIFICATES; without TLS when absent.',
    ),
  HARRIER_KEDA_CLIENT_CERTIFICATES: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('Whether KEDA has to show a certificate of the authority in ca.crt.'),
  ...postgresConfig.shape,
  ...s3Config.shape,
  HARRIER_CACHE_SCRUB_RATE: z.coerce
    .number()
    .int()
    .min(0)
    .default(8)
    .describe('MiB a second that are read to find cache entries whose bytes have rotted; 0 for none.'),
  HARRIER_SHUTDOWN_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(20)
    .describe(
      "How long requests under way may last once the api is told to end; less than the pod's grace period.",
    ),
  HARRIER_LOG_LEVEL: logLevel,
});

export type ApiConfig = z.infer<typeof apiConfig>;

/** As a step of a schema: a text that `read` throws on is said to be what it should have been. */
function readBy<T>(read: (text: string) => T, message: string) {
  return (text: string, context: z.RefinementCtx): T => {
    try {
      return read(text);
    } catch {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  };
}

function atLeastAMinute(text: string): number {
  const seconds = durationSeconds(text);
  if (seconds < 60) throw new Error('too short');
  return seconds;
}
