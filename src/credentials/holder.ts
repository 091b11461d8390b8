/** `v2/<uuid>/<secret>`: the form whose issuer takes a fourth part as the holder, for its own records. */
const CAN_CARRY_HOLDER = /^v2\/[A-Za-z0-9-]{5,64}\/[^/]+$/;

/** The credential as this runner is given it: with its UID as the fourth part where the form has one, else as it is. */
export function forHolder(credential: string, runnerUid: string): string {
  return CAN_CARRY_HOLDER.test(credential) ? `${credential}/${runnerUid}` : credential;
}
