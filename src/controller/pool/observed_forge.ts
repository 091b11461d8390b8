import type { ForgeRunner } from '../../forges/forge.ts';
import type { ForgeErrorReason } from '../../forges/forge_error.ts';

/** What is known of the pool's forge: by its last answer, and by what has failed since. */
export type ObservedForge = { standing: 'None' } | AskedForge;

export interface AskedForge {
  /** Unknown: this process has asked and not heard yet. */
  standing: 'Unknown' | 'Fine' | 'Failing';
  /** Why it can't be asked, or why runners can't join although it can. */
  trouble?: {
    reason: ForgeErrorReason;
    message: string;
    failures: number;
    /** Somebody has to mend it: until then, or until it is tried again, no runner is made. */
    blocks: boolean;
  };
  /** When it was asked for what follows, by its last answer. */
  askedAtMs?: number | undefined;
  /** The pool's own records, and no others. */
  records: readonly ForgeRunner[];
  /** Jobs that wait; undefined where the forge can't tell. */
  queued?: number | undefined;
  /** Undefined while they are not known again. */
  details?: Readonly<Record<string, string>> | undefined;
  /** Names of records that are being made at this moment. */
  joining: readonly string[];
  /** Names of records that it has just refused to remove. */
  kept: readonly string[];
}

/** A runner as its forge has it. */
export interface RunnerInForge {
  /** Name of its record, whether it was made or not. */
  name: string;
  /** Whether there is a record, as far as is known. */
  made: boolean;
  /** Whether the forge has said, at any time, that the runner is connected. */
  joined: boolean;
  /** Whether it has said, at any time, that it has a job. */
  busy: boolean;
  /** Since when its record is known to be gone. */
  goneSinceMs?: number | undefined;
}
