import type { Clock } from './clock.ts';

/** The largest part of the time left that is kept for answering. */
const MARGIN_PART = 0.1;
const DEFAULT_MARGIN_MS = 500;

export interface Deadline {
  readonly signal: AbortSignal;
  /** Gives up the timer and the listeners; the signal stays as it is. */
  release(): void;
}

/**
 * A signal that aborts shortly before the caller stops waiting, so that there is time left to answer.
 *
 * `leftMs` is what is left now; undefined or not positive means no deadline (an event that waited in a queue past its
 * deadline, or a clock that differs, must still be handled). The margin is 500 ms, at most a tenth of what is left,
 * unless `marginMs` says otherwise. `stopped` aborts it too (the caller hung up).
 */
export function deadline(
  clock: Clock,
  leftMs: number | undefined,
  options: { readonly marginMs?: number | undefined; readonly stopped?: AbortSignal | undefined } = {},
): Deadline {
  const controller = new AbortController();
  const { stopped } = options;
  const onStopped = (): void => controller.abort(stopped?.reason);
  if (stopped?.aborted === true) onStopped();
  stopped?.addEventListener('abort', onStopped, { once: true });
  let timer: { cancel(): void } | undefined;
  if (leftMs !== undefined && leftMs > 0) {
    const marginMs = options.marginMs ?? Math.min(DEFAULT_MARGIN_MS, leftMs * MARGIN_PART);
    timer = clock.after(Math.max(0, leftMs - marginMs), () =>
      controller.abort(new DOMException('stopped before the deadline of the call', 'TimeoutError')),
    );
  }
  return {
    signal: controller.signal,
    release() {
      timer?.cancel();
      stopped?.removeEventListener('abort', onStopped);
    },
  };
}
