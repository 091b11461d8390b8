import { readFileSync, writeFileSync } from 'node:fs';
import type { KeyPairFiles } from './pki.ts';

export interface KubeconfigContent {
  server: string;
  caFile: string;
  user: KeyPairFiles;
  /** Names the cluster, the user and the context. */
  name: string;
}

/** Writes a kubeconfig (as JSON, which is YAML too) that holds everything itself, readable by its owner alone. */
export function writeKubeconfig(file: string, { server, caFile, user, name }: KubeconfigContent): string {
  const base64 = (path: string) => readFileSync(path).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(caFile) } }],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64(user.certFile),
          'client-key-data': base64(user.keyFile),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return file;
}
