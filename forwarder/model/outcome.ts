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

/** What the function stated, whatever came of the call: it is applied in every case. */
export interface Statement {
  /** Absent where the reply was empty, only accepted, or ignored, and where the call failed without a result. */
  readonly result?: FunctionResult;
  /** One line each, for Warning Events: fields of the result that are ignored. */
  readonly warnings: readonly string[];
}

export type Outcome =
  | (Statement & { readonly kind: 'success'; readonly requeueAfterMs?: number })
  | (Statement & { readonly kind: 'retry'; readonly failure: Failure })
  | (Statement & { readonly kind: 'permanent'; readonly failure: Failure; readonly suspect: boolean })
  | (Statement & {
      readonly kind: 'target_unavailable';
      readonly failure: Failure;
      readonly conclusive: boolean;
    });

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
  /** Target failures of this state since its last other outcome: what its backoff grows by. */
  readonly targetFailures: number;
  /** Set where the function said `finalized: false`: how often by now. */
  readonly unfinished?: number;
  /** Set when no further attempt of this state is made: a permanent failure or the last attempt. */
  readonly exhausted?: Failure;
  readonly label: OutcomeLabel;
}
