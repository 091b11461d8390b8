import { TRUST_AUTHORITY } from '../gitea/trust_authority.ts';

/**
 * Forgejo's runner reads its whole configuration once, before it asks for its job. It gets it on its standard input, from
 * the shell's memory: no file, argument or environment has its token when the job begins. `one-job` takes one and ends.
 *
 * Its own cache is off: it would put a proxy of its own before the pool's. Jobs are told the sidecar's address instead.
 */
const SCRIPT = `set -eu
connection=$(cat "$HARRIER_JOIN_DIR/connection.json")
${TRUST_AUTHORITY}
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
