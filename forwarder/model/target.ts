/** The port that every function host implements. */
import type { Invocation } from './invocation.ts';

/**
 * What came back from a call that did not fail.
 * - `empty`: done, nothing to apply (204, empty body).
 * - `accepted`: taken, the outcome is unknown to us (202, Lambda `Event`).
 * - `body`: JSON text to be read as a FunctionResult.
 */
export type Reply =
  | { readonly kind: 'empty' }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'body'; readonly text: string };

/** Throws TargetError, and nothing else, for a failed delivery; the signal's reason when it was stopped. */
export interface Target {
  /** For metrics and logs: `lambda`, `http`. */
  readonly type: string;
  /** For people: `lambda application`, `http https://host/path`. */
  readonly description: string;
  /** Largest `data` in bytes that the host takes; undefined where it names none. */
  readonly maxDataBytes: number | undefined;
  invoke(invocation: Invocation, signal: AbortSignal): Promise<Reply>;
  /**
   * What an operator should know although calls work, in one line; undefined where there is nothing. Never throws.
   * Absent: the host tells nothing of itself.
   */
  advise?(timeoutMs: number, signal: AbortSignal): Promise<string | undefined>;
  /** It is called no more: ends connections that no other Target has, once running calls are over. */
  [Symbol.asyncDispose](): Promise<void>;
}
