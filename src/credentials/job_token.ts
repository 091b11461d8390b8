import { z } from 'zod';

/** A scope as the forge's `ac` claim grants it. */
export interface GrantedScope {
  readonly name: string;
  readonly read: boolean;
  readonly write: boolean;
}

/** What the forge says of a job: its repository, and the branch scopes of its cache in the order of look-up. */
export interface JobIdentity {
  readonly repositoryId: string;
  readonly scopes: readonly GrantedScope[];
}

/** Scopes in one token. GitHub grants three at most (the run's ref, a pull request's base, the default branch). */
const MOST_SCOPES = 16;
/** The bits of a Permission. */
const READ = 1;
const WRITE = 2;

const granted = z
  .array(
    z.object({
      Scope: z
        .string()
        .min(1)
        .max(512)
        .refine((name) => name.isWellFormed() && !name.includes('\0')),
      Permission: z.int().min(0),
    }),
  )
  .min(1)
  .max(MOST_SCOPES);

const jobClaims = z.object({
  // GitHub writes a text; other issuers may write the number itself.
  repository_id: z.union([z.string().regex(/^[0-9]{1,20}$/), z.int().min(0)]).transform(String),
  ac: z.string().max(16 * 1024),
});

/**
 * Reads the claims of a token that was verified; undefined when it does not say repository and scopes the way that
 * GitHub's do (`ac` is a JSON text: [{"Scope":"refs/heads/main","Permission":3}], 1 to read and 2 to write). Pure.
 */
export function readJobClaims(claims: unknown): JobIdentity | undefined {
  const job = jobClaims.safeParse(claims);
  if (!job.success) return undefined;
  const scopes = granted.safeParse(parsed(job.data.ac));
  if (!scopes.success) return undefined;
  const names = new Set(scopes.data.map(({ Scope }) => Scope));
  // Named twice, it would be the order in the claim that decides what is allowed.
  if (names.size !== scopes.data.length) return undefined;
  return {
    repositoryId: job.data.repository_id,
    scopes: scopes.data.map(({ Scope: name, Permission }) => ({
      name,
      read: (Permission & READ) !== 0,
      write: (Permission & WRITE) !== 0,
    })),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
