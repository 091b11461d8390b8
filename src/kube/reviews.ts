import { z } from 'zod';

/** A question to the apiserver that it answers at once and keeps nowhere. */
export interface ReviewKind<S> {
  apiVersion: string;
  kind: string;
  /** Lower-case plural, as in the URL. */
  plural: string;
  /** Reads the answer's status; throws on what is none. */
  parse(raw: unknown): S;
}

/** What is asked; of a namespace where the review is namespaced. */
export interface ReviewQuestion {
  namespace?: string;
  spec: Record<string, unknown>;
}

const user = z.object({
  /** Empty in the answer about a token that nobody has. */
  username: z.string().default(''),
  uid: z.string().optional(),
  groups: z.array(z.string()).optional(),
  extra: z.record(z.string(), z.array(z.string())).optional(),
});
/** Whom a token is of, as the apiserver says. */
export type ReviewedUser = z.infer<typeof user>;

const tokenReview = z.object({
  authenticated: z.boolean().default(false),
  user: user.optional(),
  audiences: z.array(z.string()).default([]),
  error: z.string().optional(),
});

/** What the apiserver says of a token. */
export type ReviewedToken = z.infer<typeof tokenReview>;

const accessReview = z.object({ allowed: z.boolean(), denied: z.boolean().default(false) });

function review<S>(group: string, kind: string, status: z.ZodType<S>): ReviewKind<S> {
  const answer = z.looseObject({ status });
  return {
    apiVersion: `${group}/v1`,
    kind,
    plural: `${kind.toLowerCase()}s`,
    parse: (raw) => answer.parse(raw).status,
  };
}

/** Whose token this is, and for which of the audiences asked about. */
export const TokenReviewKind = review('authentication.k8s.io', 'TokenReview', tokenReview);
/** Whether a user may do something in the namespace. */
export const LocalAccessReviewKind = review('authorization.k8s.io', 'LocalSubjectAccessReview', accessReview);
