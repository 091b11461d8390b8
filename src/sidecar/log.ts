const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];
type Fields = Record<string, string | number | boolean | undefined>;
export type Log = (level: Exclude<LogLevel, 'silent'>, message: string, fields?: Fields) => void;

export function isLogLevel(text: string): text is LogLevel {
  return (LEVELS as readonly string[]).includes(text);
}

/** One JSON line an event; pino would cost more memory than all else that the sidecar loads of its own. */
export function createLog(threshold: LogLevel, write: (line: string) => void): Log {
  const least = LEVELS.indexOf(threshold);
  return (level, message, fields) => {
    if (LEVELS.indexOf(level) < least) return;
    write(`${JSON.stringify({ level, time: new Date().toISOString(), msg: message, ...fields })}\n`);
  };
}
