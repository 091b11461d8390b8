/** One call for the supplied credential, and the Idempotency-Key that it bears. */
export interface CredentialCall {
  key: string;
  /** To be told how it ended: whether an answer that settles it has reached the program that asked. */
  ended(settled: boolean): void;
}

/**
 * The keys of calls for the supplied credential, which an attempt gets once. A call whose answer got lost leaves its key
 * for the next one that a program makes: to the api it is the same call again, so the credential is neither lost nor
 * given to another. Of calls at the same time each has its own. Whoever brings a key sees to it himself.
 */
export function createCredentialCalls(random: () => string): (brought: string | undefined) => CredentialCall {
  let lost: string | undefined;
  return (brought) => {
    if (brought !== undefined) return { key: brought, ended: () => undefined };
    const key = lost ?? random();
    lost = undefined;
    return {
      key,
      ended(settled) {
        if (!settled) lost = key;
      },
    };
  };
}
