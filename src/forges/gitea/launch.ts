import { TRUST_AUTHORITY } from './trust_authority.ts';

/**
 * Gitea's runner reads its registration once and then knows it by heart. It gets it on its standard input, from the
 * shell's memory: when it asks for its first job the file is gone, and no argument, environment or open file has it.
 * A job that has the runner's own user can still read its memory; what it finds there is good for this one job alone.
 *
 * The configuration is on a descriptor, so that a read-only file system will do: the pool's cache where it has one, and
 * short pauses while there is no job.
 *
 * The shell stays, for the runner's end. At a SIGTERM in the midst of a job the runner 1.0.8 waits until the last process
 * of the step has ended, and then reports a success. So the step is killed instead, and what follows it, until the runner
 * has told Gitea that the job failed and ends by itself; a runner without a job gets the SIGTERM. It has a job as soon as
 * there is anything in its work folder.
 */
const SCRIPT = `set -eu
registration=$(cat "$HARRIER_JOIN_DIR/runner.json")
${TRUST_AUTHORITY}
rm -f "$HARRIER_JOIN_DIR/runner.json" "$HARRIER_JOIN_DIR/ca.crt"
program=$(command -v gitea-runner || command -v act_runner)
cache='enabled: false'
if [ -n "\${ACTIONS_CACHE_URL:-}" ]; then
  cache="external_server: '$ACTIONS_CACHE_URL', external_secret: unused"
fi
work=$(mktemp -d "\${HOME:-/tmp}/job.XXXXXX")

below() {
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
    echo "$child"
    below "$child"
  done
}
stop() {
  trap '' TERM INT
  if [ -z "$(ls -A "$work")" ]; then kill -TERM "$runner"; fi
  (while kill -0 "$runner"; do
    kill -KILL $(below "$runner") || true
    sleep 0.2 || sleep 1
  done) 2>/dev/null &
  killer=$!
}
killer=''
trap stop TERM INT
"$program" --config /dev/fd/3 daemon <<REGISTRATION 3<<CONFIGURATION &
$registration
REGISTRATION
runner: {file: /dev/stdin, capacity: 1, fetch_interval: 2s, fetch_interval_max: 2s, shutdown_timeout: 0s}
cache: {$cache}
host: {workdir_parent: '$work'}
CONFIGURATION
runner=$!
registration=''
code=0
wait "$runner" || code=$?
if [ -n "$killer" ]; then
  code=0
  wait "$runner" || code=$?
  kill "$killer"
fi
exit "$code"
`;

export const launch: readonly string[] = ['sh', '-c', SCRIPT];
