/**
 * A secret of the caller's own choice, another for each call: a call whose answer got lost may be repeated with the
 * same one, by whoever knows it (draft-ietf-httpapi-idempotency-key-header).
 */
export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';
