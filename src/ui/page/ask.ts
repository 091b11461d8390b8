import type { Overview } from '../../protocol/management.ts';

/** The api has answered otherwise than with what was asked for. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Asks the api for what the page shows. Throws Refused, or TypeError when nothing answers. */
export async function askOverview(token: string): Promise<Overview> {
  const answer = await fetch('/v1/overview', {
    headers: { authorization: `Bearer ${token}` },
    // Nothing but the token says who asks.
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
  });
  if (answer.ok) return (await answer.json()) as Overview;
  const said = (await answer.json().catch(() => ({}))) as { detail?: string };
  throw new Refused(answer.status, said.detail ?? `The api answered ${answer.status}.`);
}
