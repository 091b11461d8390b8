import { z } from 'zod';
import { ROUTING_VALUE } from '../resources/entity.ts';
import { commaList, logLevel, port } from './environment.ts';

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
