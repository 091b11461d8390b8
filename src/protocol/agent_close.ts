/** Why the api ends an agent connection: name → WebSocket close code (RFC 6455 section 7.4), and what it means. */
export const AGENT_CLOSES = {
  ended: [1000, 'The runner has ended; its last report is stored. There is nothing to come back for.'],
  policy: [1008, 'Too many messages at once, or a peer that does not read what it is sent.'],
  tooLarge: [1009, 'A message was larger than allowed.'],
  restarting: [1012, 'This replica ends. Come back after a random pause: another one answers.'],
  unverifiable: [1013, 'Whether the token still holds cannot be learned now. Come back later.'],
  revoked: [
    4001,
    'The token is no longer good, as the revoke message before it says. Never come back with it.',
  ],
  expired: [4002, 'The JWT has expired. Come back with a fresh one.'],
  replaced: [4003, 'The same runner has connected anew; one connection a runner is kept.'],
} as const satisfies Record<string, readonly [number, string]>;

export type AgentClose = keyof typeof AGENT_CLOSES;

/** Path of the connection. */
export const AGENT_PATH = '/v1/agent';
/** Largest message either way, in bytes. */
export const AGENT_MESSAGE_BYTES = 8 * 1024;
