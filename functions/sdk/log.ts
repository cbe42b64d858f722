/** Fields of a log line: JSON values and Errors. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes JSON lines. */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
}

/** A logger that adds `bound` to each line; a line's own fields never replace `time`, `level`, `msg` or bound ones. */
export function createLogger(
  bound: LogFields,
  now: () => number,
  write: (line: string) => void = (line) => void process.stdout.write(line),
): Logger {
  const at =
    (level: string) =>
    (msg: string, fields: LogFields = {}): void => {
      const head = { time: new Date(now()).toISOString(), level, msg, ...bound };
      write(`${toJson({ ...head, ...fields, ...head })}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** JSON of anything: logging must not be what fails. */
function toJson(line: LogFields): string {
  try {
    return JSON.stringify(line, (_key, value: unknown) => {
      if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
      return typeof value === 'bigint' ? String(value) : value;
    });
  } catch {
    const { time, level, msg } = line;
    return JSON.stringify({ time, level, msg, note: 'fields left out: not JSON' });
  }
}
