import { PROBLEMS, type ProblemCode, type ProblemDetails } from '../protocol/problem.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';
/** Base of every problem's `type` URI; the code follows it. */
const TYPE_BASE = 'https://harrier.dev/problems/';

export interface FoundProblem {
  code: ProblemCode;
  /** For a person: what is wrong and what to do. Holds no secret. */
  detail: string;
  /** For each unacceptable field its JSON Pointer (RFC 6901) and what is wrong with it. */
  errors?: { path: string; message: string }[] | undefined;
}

/** The RFC 9457 body of an error answer; what an internal error says is hidden, since it may speak of our insides. */
export function problemBody({ code, detail, errors }: FoundProblem, requestId?: string): ProblemDetails {
  const [status, title] = PROBLEMS[code];
  return {
    type: `${TYPE_BASE}${code}`,
    title,
    status,
    detail: code === 'internal-error' ? 'The log has it under this instance.' : detail,
    code,
    ...(requestId === undefined ? {} : { instance: `urn:uuid:${requestId}` }),
    ...(errors === undefined ? {} : { errors }),
  };
}
