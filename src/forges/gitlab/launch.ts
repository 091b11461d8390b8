import { CONFIG_NAME } from './runner_config.ts';

/**
 * gitlab-runner takes its token as an argument, from the environment or from a file, and a job of the shell executor
 * could read each of them: /proc shows a process's arguments and first environment to its own user, and the file stays.
 * So it reads its file from a pipe, once, and nothing of it is left when it asks for its first job.
 *
 * `run-single` takes one job and ends (commands/single.go of gitlab-runner 19.4). A SIGTERM aborts the job.
 */
const SCRIPT = `set -eu
umask 077
mkfifo "$HARRIER_JOIN_DIR/once"
if [ -f "$HARRIER_JOIN_DIR/ca.crt" ]; then
  SSL_CERT_FILE=$(mktemp)
  cat "$HARRIER_JOIN_DIR/ca.crt" >"$SSL_CERT_FILE"
  export SSL_CERT_FILE
fi
exec 3<"$HARRIER_JOIN_DIR/config.toml"
rm -f "$HARRIER_JOIN_DIR/config.toml" "$HARRIER_JOIN_DIR/ca.crt"
cat <&3 >"$HARRIER_JOIN_DIR/once" &
exec 3<&-
exec gitlab-runner run-single --config "$HARRIER_JOIN_DIR/once" --runner ${CONFIG_NAME} --max-builds 1
`;

export const launch: readonly string[] = ['sh', '-c', SCRIPT];
