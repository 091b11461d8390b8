import { createLimit, type Limit } from '../../concurrency/limit.ts';
import type { Forge, ForgeRunner } from '../../forges/forge.ts';
import type { ForgeErrorReason } from '../../forges/forge_error.ts';

/** What the forge last said of a pool's runners. */
export interface ForgeLook {
  /** When it was asked: what has happened since then is not in it. */
  beganMs: number;
  /** Records of this very pool, by their names. */
  records: ForgeRunner[];
  queued: number | undefined;
}

/** Calls of one sort that fail in a row. */
export interface Failing {
  reason: ForgeErrorReason;
  message: string;
  forPerson: boolean;
  failures: number;
  /** Before it the forge isn't asked again. */
  againAtMs: number;
}

/** All that this process knows of one pool's forge; a new leader begins without. */
export interface KnownForge {
  opened?: {
    forge: Forge;
    /** spec.forge as JSON, and the Secret's UID and version. */
    spec: string;
    secret: string;
    secretReadMs: number;
  };
  look?: ForgeLook;
  /** Why runners and queue can't be told. */
  failing?: Failing | undefined;
  /** Why no runner can join. */
  joinFailing?: Failing | undefined;
  /** Names of records that the forge called busy once: such a runner is so until its end. */
  busy: Set<string>;
  /** Names of records that are being made, or whose making is being written down, at this moment. */
  joining: Set<string>;
  /** Names under which a record may have been made, since no answer came. */
  unsure: Set<string>;
  /** Ids of records that were removed since the forge was asked last: its answer may still hold them. */
  removed: Set<string>;
  /** Names of records that the forge did not remove, and until when it isn't asked to again, in ms since 1970. */
  kept: Map<string, number>;
  /** When it is to be asked next. */
  dueMs: number;
  /** Bounds what is made at once: forges call more an abuse. */
  limit: Limit;
}

/** GitHub's advice against its secondary limits is one at a time; a few keep a pool of 50 quick elsewhere. */
const JOINS_AT_ONCE = 4;

export function unknownForge(): KnownForge {
  return {
    busy: new Set(),
    joining: new Set(),
    unsure: new Set(),
    removed: new Set(),
    kept: new Map(),
    dueMs: Number.NEGATIVE_INFINITY,
    limit: createLimit(JOINS_AT_ONCE),
  };
}
