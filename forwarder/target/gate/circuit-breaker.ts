/**
 * Stops calls to a target that fails for every object, and probes whether it is back. A state machine without clock,
 * timers or I/O: times come in as numbers.
 *
 * - `closed`: calls go out. It opens when three different objects in a row failed, whatever their failures were, or on
 *   one failure that leaves no doubt.
 * - `open`: nothing goes out before `nextProbeAtMs`: 1 s after opening, then twice the wait before, at most 10 s; never
 *   sooner than the target itself asked for.
 * - `half_open`: one probe is out. Any call that proves the target closes the circuit, also one that was still running.
 *
 * While it is not closed every failure is the target's, and so are in hindsight those of the row that opened it.
 */
import type { ObjectKey } from '../../model/kube-object.ts';
import type { Outcome } from '../../model/outcome.ts';
import { FailureRow } from './failure-row.ts';

const FIRST_PROBE_MS = 1000;
const MAX_PROBE_MS = 10_000;

export type CircuitState = 'closed' | 'open' | 'half_open';

/** What keeps the circuit from closing: the same for the same failure. */
export interface TargetProblem {
  /** A TargetErrorCode or `FUNCTION_ERROR`. */
  readonly code: string;
  /** One example, one line. */
  readonly message: string;
}

/** A call that has come to its end. */
export interface FinishedCall {
  readonly key: ObjectKey;
  readonly outcome: Outcome;
  /** As `tryEnter` said when it began. */
  readonly probe: boolean;
}

export interface CircuitChange {
  /** What the call came to, now that is known whose failure it was: this is what `settle` gets. */
  readonly outcome: Outcome;
  /** Set when this call opened the circuit, or as its probe found another reason why it stays open. */
  readonly opened?: TargetProblem;
  /** Whether this call closed the circuit. */
  readonly closed: boolean;
  /**
   * Other objects whose failures turned out to be the target's: their attempts of this state start at 0 again, and where
   * they were used up that is taken back.
   */
  readonly reclassify: readonly ObjectKey[];
}

export class CircuitBreaker {
  readonly #maxRetryAfterMs: number;
  readonly #row = new FailureRow();
  /** Why the circuit is not closed; undefined while it is. */
  #problem: TargetProblem | undefined;
  /** A probe is out. It may outlive the time in which the circuit was open. */
  #probing = false;
  #probeAfterMs = FIRST_PROBE_MS;
  #nextProbeAtMs = 0;

  /** `maxRetryAfterMs`: longest wait that the target may ask for. */
  constructor({ maxRetryAfterMs }: { readonly maxRetryAfterMs: number }) {
    this.#maxRetryAfterMs = maxRetryAfterMs;
  }

  get state(): CircuitState {
    if (this.#problem === undefined) return 'closed';
    return this.#probing ? 'half_open' : 'open';
  }

  /** Why the circuit is not closed. */
  get problem(): TargetProblem | undefined {
    return this.#problem;
  }

  /** Set while the circuit is open. */
  get nextProbeAtMs(): number | undefined {
    return this.state === 'open' ? this.#nextProbeAtMs : undefined;
  }

  /** Whether a call may go out now. */
  allows(nowMs: number): boolean {
    return this.state === 'closed' || (this.state === 'open' && nowMs >= this.#nextProbeAtMs);
  }

  /** Notes that a call goes out, which `allows` has just permitted; returns whether it is a probe. */
  enter(): boolean {
    if (this.state === 'closed') return false;
    this.#probing = true;
    return true;
  }

  finish(nowMs: number, { key, outcome, probe }: FinishedCall): CircuitChange {
    if (probe) this.#probing = false;
    if (outcome.kind === 'success' || statesPermanentError(outcome)) return this.#prove(key, outcome);
    this.#row.fail(key, outcome.kind === 'target_unavailable' ? 'target' : 'delivery');
    const isConclusive = outcome.kind === 'target_unavailable' && outcome.conclusive;
    if (this.state === 'closed' && !this.#row.isFull && !isConclusive) {
      return { outcome, closed: false, reclassify: [] };
    }
    return this.#fail(nowMs, key, outcome, probe);
  }

  /** A call ended without an outcome. The next probe, if it was one, may go out at once. */
  abandon({ probe }: { readonly probe: boolean }): void {
    if (probe) this.#probing = false;
  }

  /** The object is gone. */
  forget(key: ObjectKey): void {
    this.#row.forget(key);
  }

  #prove(key: ObjectKey, outcome: Outcome): CircuitChange {
    const closed = this.state !== 'closed';
    this.#row.prove(key, outcome.kind === 'success');
    this.#problem = undefined;
    return { outcome, closed, reclassify: [] };
  }

  /** A failure that is the target's: the one that opens the circuit, or any while it is not closed. */
  #fail(nowMs: number, key: ObjectKey, outcome: FailedOutcome, probe: boolean): CircuitChange {
    const opens = this.state === 'closed';
    const { code, message } = outcome.failure;
    // A probe that fails with the same code leaves the message as it is: same problem, same bytes.
    const isNews = this.#problem?.code !== code && (opens || probe);
    if (isNews) this.#problem = { code, message };
    if (opens) this.#scheduleProbe(nowMs, FIRST_PROBE_MS);
    else if (probe) this.#scheduleProbe(nowMs, Math.min(MAX_PROBE_MS, 2 * this.#probeAfterMs));
    this.#heedRetryAfter(nowMs, outcome);
    return {
      outcome: asTargetFailure(outcome),
      ...(isNews && { opened: { code, message } }),
      closed: false,
      reclassify: opens ? this.#row.deliveryFailures.filter((other) => other !== key) : [],
    };
  }

  #scheduleProbe(nowMs: number, afterMs: number): void {
    this.#probeAfterMs = afterMs;
    this.#nextProbeAtMs = nowMs + afterMs;
  }

  /** Only what the target said by itself: a wait that the function stated is about one object. */
  #heedRetryAfter(nowMs: number, outcome: FailedOutcome): void {
    const { retryAfterMs } = outcome.failure;
    if (outcome.kind !== 'target_unavailable' || retryAfterMs === undefined) return;
    this.#nextProbeAtMs = Math.max(
      this.#nextProbeAtMs,
      nowMs + Math.min(this.#maxRetryAfterMs, retryAfterMs),
    );
  }
}

type FailedOutcome = Exclude<Outcome, { readonly kind: 'success' }>;

/**
 * A result that says "not this one, ever" proves the target as a success does: the function read the object and decided.
 * An `error` that may be retried does not: functions answer so when what they depend on is down.
 */
function statesPermanentError(outcome: FailedOutcome): boolean {
  return outcome.kind === 'permanent' && outcome.result !== undefined;
}

function asTargetFailure(outcome: FailedOutcome): Outcome {
  if (outcome.kind === 'target_unavailable') return outcome;
  const { failure, result, warnings } = outcome;
  return {
    kind: 'target_unavailable',
    failure,
    conclusive: false,
    warnings,
    ...(result !== undefined && { result }),
  };
}
