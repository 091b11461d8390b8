/** The order of P-256 (FIPS 186-4, D.1.2.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const HALF = bytesOf(ORDER >> 1n);

/**
 * Whether the second half of an ES256 signature, s, is at most half of the group's order. To each signature (r, s) there
 * is another, (r, n - s), that anybody can make from it and that verifies as well (SEC 1, section 4.1). Of the two only
 * this one is issued and accepted, so that a token has one text and no other.
 */
export function isLowS(signature: Uint8Array): boolean {
  return Buffer.compare(signature.subarray(32, 64), HALF) <= 0;
}

/** The compact JWS of the same content whose signature has a low s. */
export function withLowS(jws: string): string {
  const start = jws.lastIndexOf('.') + 1;
  const signature = toLowS(Buffer.from(jws.slice(start), 'base64url'));
  return jws.slice(0, start) + Buffer.from(signature).toString('base64url');
}

/** The signature of the same message whose s is low. */
export function toLowS(signature: Uint8Array): Uint8Array {
  if (isLowS(signature)) return signature;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`);
  return Buffer.concat([signature.subarray(0, 32), bytesOf(ORDER - s)]);
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
