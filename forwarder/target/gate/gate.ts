/**
 * Says whether a trigger may call its target now, or when to ask again: concurrency, rate and circuit breaker in one
 * value. It starts nothing and waits for nothing.
 */
import type { ObjectKey } from '../../model/kube-object.ts';
import type { DeliverySpec } from '../../model/trigger.ts';
import {
  CircuitBreaker,
  type CircuitChange,
  type CircuitState,
  type FinishedCall,
  type TargetProblem,
} from './circuit-breaker.ts';
import { RateLimit } from './rate-limit.ts';

export type Entry =
  | {
      readonly kind: 'enter';
      /** One of the calls that find out whether the target is back; to be handed in again with `leave`. */
      readonly probe: boolean;
    }
  | {
      readonly kind: 'wait';
      /** When to ask again; absent: when a call leaves. */
      readonly atMs?: number;
    };

export type GateChange = CircuitChange;

export class Gate {
  readonly #concurrency: number;
  readonly #rate: RateLimit;
  readonly #circuit: CircuitBreaker;
  /** One count for all versions of the trigger. */
  #calls = { inFlight: 0 };

  constructor(delivery: Pick<DeliverySpec, 'concurrency' | 'ratePerSecond' | 'backoff'>) {
    this.#concurrency = delivery.concurrency;
    this.#rate = new RateLimit(delivery.ratePerSecond);
    this.#circuit = new CircuitBreaker({ maxRetryAfterMs: delivery.backoff.maxMs });
  }

  get state(): CircuitState {
    return this.#circuit.state;
  }

  /** Why the circuit is not closed. */
  get problem(): TargetProblem | undefined {
    return this.#circuit.problem;
  }

  /** When the next probe may go out; only while the circuit is open. */
  get nextProbeAtMs(): number | undefined {
    return this.#circuit.nextProbeAtMs;
  }

  /** Calls that entered and have not left, those of the versions before included. */
  get inFlight(): number {
    return this.#calls.inFlight;
  }

  /** The trigger was edited: its calls that still run hold places here too. To be called before any call enters. */
  succeed(before: Gate): void {
    this.#calls = before.#calls;
  }

  /** Lets one call in, which then counts until it leaves or is abandoned. All times are of one monotonic clock. */
  tryEnter(nowMs: number): Entry {
    if (this.#calls.inFlight >= this.#concurrency) return { kind: 'wait' };
    if (!this.#circuit.allows(nowMs)) return wait(this.#circuit.nextProbeAtMs);
    const freeAtMs = this.#rate.freeAtMs(nowMs);
    if (freeAtMs > nowMs) return wait(freeAtMs);
    this.#rate.spend(nowMs);
    this.#calls.inFlight++;
    return { kind: 'enter', probe: this.#circuit.enter() };
  }

  /** Takes back a call with its outcome. To be asked before `settle`, which gets the outcome of the answer. */
  leave(nowMs: number, call: FinishedCall): GateChange {
    this.#calls.inFlight--;
    return this.#circuit.finish(nowMs, call);
  }

  /** Takes back a call that was never made, or was stopped from here: it says nothing and uses none of the rate. */
  abandon(call: { readonly probe: boolean }): void {
    this.#calls.inFlight--;
    this.#rate.refund();
    this.#circuit.abandon(call);
  }

  /** The object is gone: nothing is remembered of it. */
  forget(key: ObjectKey): void {
    this.#circuit.forget(key);
  }
}

function wait(atMs: number | undefined): Entry {
  return atMs === undefined ? { kind: 'wait' } : { kind: 'wait', atMs };
}
