/** The name by which launch.ts has gitlab-runner find its part of the file. */
export const CONFIG_NAME = 'harrier';

/**
 * config.toml of one runner (https://docs.gitlab.com/runner/configuration/advanced-configuration/). The shell executor:
 * the pod is the job's machine. Runners ask for jobs every 3 seconds, as `run-single` always does.
 */
export function runnerConfig({ url, token }: { url: string; token: string }): string {
  return `concurrent = 1

[[runners]]
  name = ${tomlString(CONFIG_NAME)}
  url = ${tomlString(url)}
  token = ${tomlString(token)}
  executor = "shell"
`;
}

/** A basic string of TOML 1.0 has JSON's escapes. */
function tomlString(text: string): string {
  // gitlab-runner expands variables in both; neither ever has one of its own.
  if (text.includes('$')) throw new RangeError('a dollar sign would be expanded');
  return JSON.stringify(text);
}
