/** Log lines on stderr: JSON for machines, or one readable line for people. */
import type { Clock } from '../lib/clock.ts';
import type { LogFields, Logger, LogLevel } from '../lib/logger.ts';

export interface LoggerOptions {
  readonly format: 'json' | 'text';
  /** Least level that is written. */
  readonly level: LogLevel;
  readonly clock: Pick<Clock, 'now'>;
  /** Takes whole lines with their line break. @defaultValue stderr */
  readonly write?: (line: string) => void;
  /** Text format only. @defaultValue whether stderr is a terminal and NO_COLOR is not set */
  readonly color?: boolean;
}

type Render = (level: LogLevel, msg: string, fields: LogFields) => string;

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Keys come in the order `time level msg`, then the bound fields, then those of the line. */
export function createLogger(options: LoggerOptions): Logger {
  const { write = (line) => void process.stderr.write(line), level, clock, format } = options;
  const now = (): string => new Date(clock.now()).toISOString();
  const color = options.color ?? (process.stderr.isTTY && (process.env['NO_COLOR'] ?? '') === '');
  const render = format === 'json' ? renderJson(now) : renderText(now, color);
  return bind({ render, write, least: LEVELS[level] }, {});
}

interface Output {
  readonly render: Render;
  readonly write: (line: string) => void;
  readonly least: number;
}

function bind(output: Output, bound: LogFields): Logger {
  const at = (level: LogLevel): Logger['info'] => {
    if (LEVELS[level] < output.least) return () => undefined;
    return (msg, fields) =>
      output.write(output.render(level, msg, fields === undefined ? bound : { ...bound, ...fields }));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    debugEnabled: LEVELS.debug >= output.least,
    with: (fields) => bind(output, { ...bound, ...fields }),
  };
}

function renderJson(now: () => string): Render {
  return (level, msg, fields) => `${JSON.stringify({ time: now(), level, msg, ...fields })}\n`;
}

const COLORS: Readonly<Record<LogLevel, string>> = { debug: '90', info: '36', warn: '33', error: '31' };

function renderText(now: () => string, color: boolean): Render {
  const paint = (code: string, text: string): string => (color ? `\u001B[${code}m${text}\u001B[0m` : text);
  return (level, msg, fields) => {
    const pairs = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${paint('90', `${key}=`)}${plain(value)}`);
    const time = paint('90', now().slice(11, 23));
    return `${time} ${paint(COLORS[level], level.toUpperCase().padEnd(5))} ${oneLine(msg)}${pairs.join('')}\n`;
  };
}

/** Quoted where it would not read as one word. */
function plain(value: unknown): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? oneLine(text) : JSON.stringify(text);
}

/** Without control characters: text from outside must not move the cursor or fake a line. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}
