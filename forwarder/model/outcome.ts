/** What one invocation came to, and what is done about it: values, because the next stage must look at every case. */
import type { FunctionResult } from '../../protocol/result.ts';

/** A failed delivery as a value. */
export interface Failure {
  /** A TargetErrorCode, or `FUNCTION_ERROR` for an `error` in the result. */
  readonly code: string;
  /** One line, deterministic. */
  readonly message: string;
  readonly retryAfterMs?: number;
  /** No wait shorter than this. */
  readonly minWaitMs?: number;
}

export type Outcome =
  | {
      readonly kind: 'success';
      /** Absent where the reply was empty, only accepted, or ignored. */
      readonly result?: FunctionResult;
      readonly requeueAfterMs?: number;
      /** One line each, for Warning Events: unknown fields of the result. */
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'retry';
      readonly failure: Failure;
      /** The result that carried the error, where one did: its status, conditions and events are applied. */
      readonly result?: FunctionResult;
    }
  | {
      readonly kind: 'permanent';
      readonly failure: Failure;
      readonly suspect: boolean;
      readonly result?: FunctionResult;
    }
  | { readonly kind: 'target_unavailable'; readonly failure: Failure; readonly conclusive: boolean };

/** The `result` label of `statewire_invocations_total`. */
export type OutcomeLabel = 'success' | 'requeue' | 'retry' | 'permanent' | 'target_unavailable';

/** What settle decides. */
export interface Decision {
  /** What happens to the key: nothing more, a wake-up, or another attempt of the same state. */
  readonly queue:
    | { readonly kind: 'forget' }
    | { readonly kind: 'add_after'; readonly afterMs: number }
    | { readonly kind: 'backoff'; readonly afterMs: number };
  /** Whether this state now counts as handled. */
  readonly handled: boolean;
  /** Failed attempts of this state so far; target failures do not count. */
  readonly attempts: number;
  /** Set when no further attempt of this state is made: a permanent failure or the last attempt. */
  readonly exhausted?: Failure;
  readonly label: OutcomeLabel;
}
