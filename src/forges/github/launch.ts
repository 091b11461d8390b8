/**
 * For images that are made like GitHub's own (actions-runner): run.sh in the working directory, or in /home/runner.
 *
 * A just-in-time configuration is the files of a configured runner, and run.sh would only write them into its folder
 * (actions/runner, Runner.cs). They are put there directly: by --jitconfig they would stand in the arguments, and by
 * ACTIONS_RUNNER_INPUT_JITCONFIG in the environment of the shells around the runner, which a job can read. In its own
 * folder the runner needs them until it ends; they are good for its one job alone.
 *
 * RUNNER_MANUALLY_TRAP_SIG makes run.sh hand SIGTERM on, so that GitHub is told that the job was cancelled.
 */
const SCRIPT = `set -eu
[ -x ./run.sh ] || cd /home/runner
if [ -f "$HARRIER_JOIN_DIR/ca.crt" ]; then
  bundle=$(mktemp)
  cat "\${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" \${NODE_EXTRA_CA_CERTS:+"$NODE_EXTRA_CA_CERTS"} \\
    "$HARRIER_JOIN_DIR/ca.crt" 2>/dev/null >"$bundle" || true
  chmod 644 "$bundle"
  rm -f "$HARRIER_JOIN_DIR/ca.crt"
  export SSL_CERT_FILE="$bundle" NODE_EXTRA_CA_CERTS="$bundle"
fi
for file in "$HARRIER_JOIN_DIR"/*; do
  (umask 077 && cat "$file" >".\${file##*/}")
done
rm -f "$HARRIER_JOIN_DIR"/*
export RUNNER_MANUALLY_TRAP_SIG=1
exec ./run.sh
`;

export const launch: readonly string[] = ['sh', '-c', SCRIPT];
