/**
 * Forgejo's runner reads its whole configuration once, before it asks for its job. It gets it on its standard input, from
 * the shell's memory: no file, argument or environment has its token when the job begins. `one-job` takes one and ends.
 *
 * Its own cache is off: it would put a proxy of its own before the pool's. Jobs are told the sidecar's address instead.
 */
const SCRIPT = `set -eu
connection=$(cat "$HARRIER_JOIN_DIR/connection.json")
if [ -f "$HARRIER_JOIN_DIR/ca.crt" ]; then
  SSL_CERT_FILE=$(mktemp)
  cat /etc/ssl/certs/ca-certificates.crt "$HARRIER_JOIN_DIR/ca.crt" 2>/dev/null >"$SSL_CERT_FILE" || true
  NODE_EXTRA_CA_CERTS=\${NODE_EXTRA_CA_CERTS:-$SSL_CERT_FILE}
  export SSL_CERT_FILE NODE_EXTRA_CA_CERTS
fi
rm -f "$HARRIER_JOIN_DIR/connection.json" "$HARRIER_JOIN_DIR/ca.crt"
envs=''
if [ -n "\${ACTIONS_CACHE_URL:-}" ]; then envs="ACTIONS_CACHE_URL: '$ACTIONS_CACHE_URL'"; fi
exec forgejo-runner --config /dev/stdin one-job --wait <<CONFIGURATION
runner: {capacity: 1, fetch_interval: 2s, shutdown_timeout: 0s, envs: {$envs}}
cache: {enabled: false}
server: {connections: {forge: $connection}}
CONFIGURATION
`;

export const launch: readonly string[] = ['sh', '-c', SCRIPT];
