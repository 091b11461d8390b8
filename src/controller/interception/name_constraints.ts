/** Object identifier of the name constraints extension. */
export const NAME_CONSTRAINTS = '2.5.29.30';

const SEQUENCE = 0x30;
const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/**
 * Name constraints in DER (RFC 5280 section 4.2.1.10): nothing but that host, and names below it. Addresses are
 * excluded by themselves, since what a constraint does not speak of it allows.
 */
export function constrainedTo(host: string): Uint8Array {
  const everyAddress = [Buffer.alloc(8), Buffer.alloc(32)];
  return der(
    SEQUENCE,
    der(PERMITTED, subtree(der(DNS_NAME, Buffer.from(host, 'latin1')))),
    der(EXCLUDED, ...everyAddress.map((range) => subtree(der(IP_ADDRESS, range)))),
  );
}

function subtree(base: Buffer): Buffer {
  return der(SEQUENCE, base);
}

/** One value with its tag and length; of up to 65,535 bytes. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}
