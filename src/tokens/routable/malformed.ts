/** What can be wrong with the form of a token. Stable: they stand in problems, in logs and in the CLI's output. */
export const MALFORMATIONS = {
  form: 'it has the form of no token of Harrier',
  checksum: 'its checksum is wrong: a character is missing, added or changed',
  length: 'the length that it states is not that of its text',
  prefix: 'what stands before its text is no prefix',
  base64: 'its text is not canonical base64url',
  count: 'the number of random bytes that it states cannot be',
  payload: 'its payload is no list of routing keys in their order',
  header: 'its header is no JSON object with an algorithm',
  claims: 'its claims are no JSON object, or have another shape than Harrier gives them',
} as const;
export type Malformation = keyof typeof MALFORMATIONS;

/** A text that is none of Harrier's tokens. The message says what is wrong with it and quotes nothing of it. */
export class MalformedToken extends Error {
  override readonly name = 'MalformedToken';
  readonly code: Malformation;
  constructor(code: Malformation) {
    super(`malformed token: ${MALFORMATIONS[code]}`);
    this.code = code;
  }
}
