import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import type { KeyPairFiles } from './pki.ts';

export interface ApiserverProbe {
  /** True when /readyz of the server answers 200. */
  ready(server: string): Promise<boolean>;
  /** True when a GET of the URL answers 200. */
  exists(url: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Asks an apiserver with a client certificate; one that cannot be reached is simply not ready. */
export function connect(caFile: string, user: KeyPairFiles): ApiserverProbe {
  const read = (file: string) => readFileSync(file, 'utf8');
  const agent = new Agent({
    connect: { ca: read(caFile), cert: read(user.certFile), key: read(user.keyFile), timeout: 2000 },
    headersTimeout: 5000,
    bodyTimeout: 5000,
  });
  const exists = async (url: string): Promise<boolean> => {
    try {
      const { statusCode, body } = await request(url, { dispatcher: agent });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  };
  return { exists, ready: (server) => exists(`${server}/readyz`), close: () => agent.destroy() };
}
