import type { RunOptions } from './run.ts';
import { keysOf, type WebhookSecret } from './webhook-signature.ts';

/** Options that all hosts behind HTTP share. */
export interface HttpHostOptions extends RunOptions {
  /** Larger bodies are refused with 413. Without effect on a body that a parser read before. @defaultValue 6 MiB */
  readonly maxBodyBytes?: number;
  /**
   * Takes only requests signed by the rules of Standard Webhooks with this secret, and refuses others with 401. Needs the
   * body as it came. Several while a secret is replaced. @defaultValue none: whoever can reach the function can call it
   */
  readonly webhookSecret?: WebhookSecret;
  /**
   * The longest that the host lets a call run, in milliseconds: the signal aborts before it, and before the caller's
   * deadline. @defaultValue what the host tells, else no limit of its own
   */
  readonly timeoutMs?: number;
  /** Time kept for answering, in milliseconds. @defaultValue 500, at most a tenth of the time left */
  readonly marginMs?: number;
  /**
   * How an error is answered. `status`: 500 (422 where trying again cannot help), with the result as the body, so that it
   * looks like success to nobody. `return`: 200 with the result as the body, for a gateway in between that replaces the
   * bodies of such answers; only a caller that reads results then learns of errors. @defaultValue status
   */
  readonly errors?: 'status' | 'return';
}

/** What a Lambda invocation may carry; an event for one host is an event for every host. */
export const DEFAULT_MAX_BODY_BYTES: number = 6 * 1024 * 1024;

/**
 * Options with the secret read, once. Throws TypeError where `webhookSecret` is asked for and there is none, as with an
 * environment variable that is not set: such a function would take everybody's requests.
 */
export function checkedOptions(options: HttpHostOptions): HttpHostOptions {
  if (!('webhookSecret' in options)) return options;
  return { ...options, webhookSecret: keysOf(options.webhookSecret) };
}
