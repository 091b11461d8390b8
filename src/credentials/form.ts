/** Longest credential, in bytes: with it in a header, a request stays within what servers take. */
const MOST_BYTES = 8 * 1024;

/**
 * The credential in a Secret's value, without the line end that editors leave; or what is wrong with its form. Only
 * visible ASCII: anything else can't stand in a header, and a line end within would begin another one.
 */
export function credentialIn(value: Buffer): { credential: string } | { problem: string } {
  if (value.length > MOST_BYTES) return { problem: `is longer than ${MOST_BYTES} bytes` };
  const credential = value.toString('latin1').replace(/[\r\n]+$/, '');
  if (credential === '') return { problem: 'is empty' };
  if (!/^[\x21-\x7e]+$/.test(credential))
    return { problem: 'has spaces, line ends or other characters that no credential has' };
  return { credential };
}
