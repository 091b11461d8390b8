/**
 * Gitea's runner reads its registration once and then knows it by heart. It gets it on its standard input, from the
 * shell's memory: when it asks for its first job the file is gone, and no argument, environment or open file has it.
 * A job that has the runner's own user can still read its memory; what it finds there is good for this one job alone.
 *
 * The configuration is on a descriptor, so that a read-only file system will do: the pool's cache where it has one,
 * short pauses while there is no job, and a SIGTERM ends the job, of which Gitea is then told.
 */
const SCRIPT = `set -eu
registration=$(cat "$HARRIER_JOIN_DIR/runner.json")
if [ -f "$HARRIER_JOIN_DIR/ca.crt" ]; then
  SSL_CERT_FILE=$(mktemp)
  cat /etc/ssl/certs/ca-certificates.crt "$HARRIER_JOIN_DIR/ca.crt" 2>/dev/null >"$SSL_CERT_FILE" || true
  NODE_EXTRA_CA_CERTS=\${NODE_EXTRA_CA_CERTS:-$SSL_CERT_FILE}
  export SSL_CERT_FILE NODE_EXTRA_CA_CERTS
fi
rm -f "$HARRIER_JOIN_DIR/runner.json" "$HARRIER_JOIN_DIR/ca.crt"
runner=$(command -v gitea-runner || command -v act_runner)
cache='enabled: false'
if [ -n "\${ACTIONS_CACHE_URL:-}" ]; then
  cache="external_server: '$ACTIONS_CACHE_URL', external_secret: unused"
fi
exec "$runner" --config /dev/fd/3 daemon <<REGISTRATION 3<<CONFIGURATION
$registration
REGISTRATION
runner: {file: /dev/stdin, capacity: 1, fetch_interval: 2s, fetch_interval_max: 2s, shutdown_timeout: 0s}
cache: {$cache}
CONFIGURATION
`;

export const launch: readonly string[] = ['sh', '-c', SCRIPT];
