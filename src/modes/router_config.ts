import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { logLevel, port } from './environment.ts';

/** Configuration of `harrier router`. */
export const routerConfig = z.object({
  HARRIER_CELLS_FILE: z.string().describe('File with the table of cells; followed while the router runs.'),
  HARRIER_PORT: port.default(8080).describe('Port that clients use.'),
  HARRIER_OPS_PORT: port.default(8081).describe('Port of metrics and health.'),
  HARRIER_HOST: z.string().optional().describe('Address that both ports are bound to; absent for all.'),
  HARRIER_TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text, context) => {
      const list = new BlockList();
      for (const one of text.split(',').filter((part) => part.trim() !== ''))
        if (!addRange(list, one.trim())) context.addIssue(`${one.trim()} is no range such as 10.0.0.0/8`);
      return list;
    })
    .describe('Ranges, by comma, of proxies in front whose X-Forwarded-For, -Proto and -Host count.'),
  HARRIER_SHUTDOWN_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(20)
    .describe(
      "How long requests under way may last once the router is told to end; less than the pod's grace period.",
    ),
  HARRIER_LOG_LEVEL: logLevel,
});

function addRange(list: BlockList, range: string): boolean {
  const [address = '', bits = '', more] = range.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  list.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return true;
}
