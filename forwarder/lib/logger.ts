/** The logging port: one line per decision at debug, per invocation at info. Keys come from one closed list. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Keys that log lines may carry beside `time`, `level` and `msg`. Secrets and whole objects never go in. */
export interface LogFields {
  readonly trigger?: string;
  /** `namespace/name` of the object. */
  readonly key?: string;
  readonly uid?: string;
  /** CloudEvents id. */
  readonly id?: string;
  readonly attempt?: number;
  readonly outcome?: string;
  readonly reason?: string;
  readonly code?: string;
  /** One line of text from an error. */
  readonly error?: string;
  readonly durationMs?: number;
  readonly address?: string;
  readonly source?: string;
  readonly target?: string;
  readonly count?: number;
  readonly afterMs?: number;
}

export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** Whether debug lines are kept; ask before building costly ones. */
  readonly debugEnabled: boolean;
  with(fields: LogFields): Logger;
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  debugEnabled: false,
  with: () => silentLogger,
};
