import { z } from 'zod';

/**
 * What a refusal means for the caller. `transient` is a 5xx or a broken connection: the request may or may not
 * have been carried out. `malformed` is an answer that could not be read.
 */
export type KubeErrorKind =
  | 'conflict'
  | 'alreadyExists'
  | 'gone'
  | 'notFound'
  | 'unauthorized'
  | 'forbidden'
  | 'invalid'
  | 'tooManyRequests'
  | 'transient'
  | 'malformed'
  | 'refused';

/** metav1.Status, as much of it as tells why; what isn't one is treated as an empty one. */
const status = z.looseObject({
  code: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .looseObject({ causes: z.array(z.looseObject({ field: z.string().optional() })).optional() })
    .optional(),
});
export type Status = z.infer<typeof status>;

/** The request that failed, as it may stand in a log. */
export interface RequestName {
  /** GET, POST …, or WATCH. */
  verb: string;
  plural: string;
  /** `namespace/name`, or the namespace alone. */
  object: string;
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly kind: KubeErrorKind;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The server's machine-readable reason, such as AlreadyExists; empty where there was none. */
  readonly reason: string;

  constructor(
    kind: KubeErrorKind,
    of: RequestName,
    text: string,
    detail: { status?: number; reason?: string; cause?: unknown } = {},
  ) {
    super(
      `${of.verb} ${of.plural} ${of.object}: ${text}`,
      detail.cause === undefined ? {} : { cause: detail.cause },
    );
    this.kind = kind;
    this.status = detail.status ?? 0;
    this.reason = detail.reason ?? '';
  }
}

/** Whether the error is a KubeError of one of these kinds. */
export function isKubeError(error: unknown, ...kinds: KubeErrorKind[]): error is KubeError {
  return error instanceof KubeError && (kinds.length === 0 || kinds.includes(error.kind));
}

export function readStatus(raw: unknown): Status {
  const parsed = status.safeParse(raw);
  return parsed.success ? parsed.data : {};
}

/** The error for a refusal of the server, from its HTTP code and the metav1.Status it sent with it. */
export function refusal(of: RequestName, code: number, answer: Status): KubeError {
  const reason = answer.reason ?? '';
  return new KubeError(kindOf(code, reason), of, `${code} ${refusalText(of, answer)}`, {
    status: code,
    reason,
  });
}

/** The error for a request that got no answer, or whose answer broke off. */
export function broken(of: RequestName, cause: unknown): KubeError {
  const code = (cause as { code?: unknown } | undefined)?.code;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new KubeError('transient', of, `no answer: ${typeof code === 'string' ? `${code} ` : ''}${text}`, {
    cause,
  });
}

function kindOf(code: number, reason: string): KubeErrorKind {
  if (reason === 'AlreadyExists') return 'alreadyExists';
  if (code === 409) return 'conflict';
  if (code === 410 || reason === 'Expired' || reason === 'Gone') return 'gone';
  if (code === 404) return 'notFound';
  if (code === 401) return 'unauthorized';
  if (code === 403) return 'forbidden';
  if (code === 400 || code === 422) return 'invalid';
  if (code === 429) return 'tooManyRequests';
  if (code === 408 || code >= 500) return 'transient';
  return 'refused';
}

/** Kinds whose fields hold what nobody may read in a log. */
const SECRET_BEARING = ['secrets', 'tokenreviews'];

/**
 * The server quotes refused values back ("data[token]: Invalid value: …"): of a Secret, or of a token to review, only
 * the names of the fields go further.
 */
function refusalText(of: RequestName, answer: Status): string {
  if (!SECRET_BEARING.includes(of.plural)) return answer.message ?? answer.reason ?? 'no reason given';
  const fields = (answer.details?.causes ?? []).flatMap((one) => (one.field ? [one.field] : []));
  return [answer.reason ?? 'no reason given', ...fields].join(' ');
}
