import { chown, lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run/command.ts';

/** Who a server runs as that refuses to be root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The first of these users that there is, when we are root; undefined when we are not, as the server may then be us. */
export async function accountOf(users: readonly string[]): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of users) {
    const ids = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]).catch(() => undefined);
    if (ids !== undefined) return { uid: Number(ids[0]), gid: Number(ids[1]) };
  }
  throw new Error(`it does not run as root, and there is none of the users ${users.join(', ')}`);
}

/** The command as this account. */
export function commandAs(
  account: Account | undefined,
  program: string,
  args: readonly string[],
): [string, string[]] {
  if (account === undefined) return [program, [...args]];
  const words = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', program, ...args];
  return ['setpriv', words];
}

/** Gives the account a folder and all below it. */
export async function giveTo(account: Account | undefined, folder: string): Promise<void> {
  if (account === undefined) return;
  await chown(folder, account.uid, account.gid);
  for (const entry of await readdir(folder, { recursive: true }))
    await lchown(join(folder, entry), account.uid, account.gid);
}
