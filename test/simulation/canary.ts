/** What must be seen by nobody: it is planted where secrets are, and looked for wherever the forwarder writes. */
import type { LogFields, Logger } from '../../forwarder/lib/logger.ts';

const CANARY = 'canary-4e1f';

/** Parts of an object that triggers must not send: one that they redact, and one that nobody is ever sent. */
export const SECRET_SPEC: { readonly secret: string } = { secret: CANARY };
export const SECRET_ANNOTATIONS: Readonly<Record<string, string>> = {
  'kubectl.kubernetes.io/last-applied-configuration': `{"spec":{"secret":"${CANARY}"}}`,
};

/** As the triggers of a simulation have it. */
export const REDACTED: readonly string[] = ['spec.secret'];

/** Whether a text lets the canary out, or who owns which field, which only the API server needs. */
export function leaks(text: string): boolean {
  return text.includes(CANARY) || text.includes('"managedFields"');
}

/** Reads every line, debug included, and tells where one leaks. */
export function watchedLogger(onLeak: () => void): Logger {
  const line = (msg: string, fields?: LogFields): void => {
    if (leaks(msg) || (fields !== undefined && leaks(JSON.stringify(fields)))) onLeak();
  };
  const logger: Logger = {
    debug: line,
    info: line,
    warn: line,
    error: line,
    debugEnabled: true,
    with: () => logger,
  };
  return logger;
}
