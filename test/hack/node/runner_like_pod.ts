/** Objects as Harrier makes them for a runner: a native sidecar with a projected Secret, all of it restricted. */
export function runnerLikePod(image: string) {
  const securityContext = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
  const token = { name: 'token', mountPath: '/var/run/secrets/harrier.dev', readOnly: true };
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'runners', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'one-token', namespace: 'runners' },
      stringData: { token: 'a-token' },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'one', namespace: 'runners', labels: { app: 'answers' } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        initContainers: [
          {
            name: 'sidecar',
            image,
            restartPolicy: 'Always',
            command: ['node', '-e', SIDECAR],
            securityContext,
            volumeMounts: [token],
            startupProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, failureThreshold: 30 },
          },
        ],
        containers: [
          {
            name: 'runner',
            image,
            command: ['node', '-e', "console.log('runner starts'); setInterval(() => {}, 1000)"],
            securityContext,
            volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
          },
        ],
        volumes: [
          { name: 'tmp', emptyDir: {} },
          { name: 'token', projected: { sources: [{ secret: { name: 'one-token' } }] } },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'answers', namespace: 'runners' },
      spec: { type: 'NodePort', selector: { app: 'answers' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ];
  return { apiVersion: 'v1', kind: 'List', items: objects };
}

const SIDECAR = `
  const { readFileSync } = require('node:fs');
  const token = readFileSync('/var/run/secrets/harrier.dev/token', 'utf8');
  require('node:http').createServer((_, response) => response.end('token of ' + token.length)).listen(8080);
`;
