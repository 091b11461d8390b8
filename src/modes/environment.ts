import { z } from 'zod';

/** A configuration that the environment doesn't give; the message lists each variable and what it lacks. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/**
 * Reads a mode's configuration from the environment by its schema, whose keys are the variables' names.
 * An empty variable counts as absent, as a chart's unset value becomes one.
 */
export function readEnvironment<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): z.infer<S> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigurationError(`the environment is not complete:\n${lines.join('\n')}`);
}

/** `a,b` → ['a', 'b'] */
export const commaList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  )
  .pipe(z.array(z.string()).min(1));

/** As commaList, but may be empty. */
export const optionalCommaList = commaListOr('');

/** As commaList, of this text when absent; a comma alone is an empty list. */
export function commaListOr(absent: string) {
  return z
    .string()
    .default(absent)
    .transform((text) =>
      text
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    );
}

export const port = z.coerce.number().int().min(0).max(65_535);

export const logLevel = z
  .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  .default('info');
