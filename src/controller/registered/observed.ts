import type { Verdict } from '../../credentials/verdict.ts';
import type { RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { Recorded } from '../../resources/supplied.ts';

/** What is seen of the identity of a runner that registered: it has a RunnerToken and no pod. */
export interface ObservedRegistered {
  phase: RunnerTokenStatus['phase'];
  /** Its parent was disabled, superseded or deleted. */
  fallen: boolean;
  /** The parent is a Registration token of its pool, and its scope and routing are the parent's. */
  asInherited: boolean;
  /** Its pool is there and is the one that it was registered with. */
  poolStands: boolean;
  deregistered: boolean;
  /** A later attempt of the same runner took its place. */
  replaced: boolean;
  /** The runner reported that all is over. */
  terminated: boolean;
  /** The key that signed its JWT was deleted: nobody accepts it any more, a request for another neither. */
  keyGone: boolean;
  expiresAtMs?: number | undefined;
  /** When it was revoked, or had expired. */
  endedAtMs?: number | undefined;
  /** What the credential that it brings is worth, and the reason that Degraded gives now; absent where it brings none. */
  credential?: { verdict: Verdict; told: string | undefined } | undefined;
  /** Id of a request that is not answered yet. */
  request?: string | undefined;
}

export type RegisteredAction =
  /** Issues the first JWT and delivers it; records whom its credential speaks for. */
  | { type: 'IssueFirst'; recorded?: Recorded | undefined }
  /** Puts into the condition Degraded what its credential is worth. */
  | { type: 'TellCredential'; verdict: Verdict }
  | { type: 'ServeRequest' }
  | { type: 'EndToken'; phase: 'Revoked' | 'Expired'; reason: string; message: string }
  /** Deletes the token, which has been over for long. */
  | { type: 'Collect' };
