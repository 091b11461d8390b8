import { valuePrefix } from '../../resources/entity.ts';
import { canonicalBytes, RANDOM_BYTES } from './form.ts';
import { MalformedToken } from './malformed.ts';

const FORM = /^([a-z0-9-]+_)([A-Za-z0-9_-]+)$/;

export interface PlainToken {
  prefix: string;
  /** How many bytes the secret has; they themselves are not given out. */
  randomBytes: number;
}

/** Reads what encodePlain wrote; throws MalformedToken on everything else. */
export function decodePlain(token: string): PlainToken {
  const [, prefix = '', text = ''] = FORM.exec(token) ?? [];
  if (prefix === '') throw new MalformedToken('form');
  if (!valuePrefix.safeParse(prefix).success) throw new MalformedToken('prefix');
  const randomBytes = canonicalBytes(text).length;
  if (randomBytes < RANDOM_BYTES.least || randomBytes > RANDOM_BYTES.most) throw new MalformedToken('count');
  return { prefix, randomBytes };
}
