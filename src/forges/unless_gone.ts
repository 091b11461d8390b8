import { ForgeError } from './forge_error.ts';

/** What the call answers; undefined when what it is about is not there any more. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ForgeError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}
