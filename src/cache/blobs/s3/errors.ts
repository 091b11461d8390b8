/** The status that the service answered an SDK's request with; undefined when it didn't answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } })?.$metadata?.httpStatusCode;
}

/** For `catch`: undefined for an object that is not there, and every other error thrown on. */
export function absent(error: unknown): undefined {
  if (statusOf(error) !== 404) throw error;
}
