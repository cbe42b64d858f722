/** The forwarder's log, as somebody sees it who writes a function: what is wrong, and that it has begun. */
import type { LogFields, Logger } from '../../forwarder/lib/logger.ts';
import type { Printer } from './printer.ts';

/** What is as it is meant to be here, and what sums up what was told before. */
const NOT_TOLD = new Set(['dead letters are kept in memory only', 'trigger condition Ready is False']);

/** @param synced the objects are known: from now on changes are seen */
export function devLogger(printer: Printer, synced: () => void): Logger {
  const tell = (msg: string, fields: LogFields = {}): void => {
    if (NOT_TOLD.has(msg)) return;
    const [, condition] = /^trigger condition (\w+) is False$/.exec(msg) ?? [];
    const about = [fields.key, fields.reason].filter((part) => part !== undefined).join(' ');
    const text = [condition ?? msg, about, fields.error].filter((part) => part !== undefined && part !== '');
    printer.tell('!', 'yellow', text.join(': '));
  };
  const logger: Logger = {
    debug: () => undefined,
    info: (msg) => {
      if (msg === 'trigger condition SourceSynced is True') synced();
    },
    warn: tell,
    error: tell,
    debugEnabled: false,
    with: () => logger,
  };
  return logger;
}
