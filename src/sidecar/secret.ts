const { randomBytes } = process.getBuiltinModule('node:crypto');

/** 128 random bits, as hexadecimal: the name or the signature of a local URL. */
export function secret(): string {
  return randomBytes(16).toString('hex');
}
