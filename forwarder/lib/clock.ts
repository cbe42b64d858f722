/**
 * Time as a port. Only this file touches Date and timers, so a test or a simulation can own both.
 *
 * `now` is wall-clock time (for timestamps that leave the process); `monotonic` never jumps (for every wait and measure).
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some fixed moment, with fractions; never goes back. */
  monotonic(): number;
  /** Runs `action` once after `delayMs`. The returned timer may be cancelled any number of times. */
  after(delayMs: number, action: () => void): Timer;
  /** Resolves after `delayMs`, or rejects with the signal's reason when that comes first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Runs `action` in a later turn of the event loop, after pending I/O. */
  soon(action: () => void): void;
}

export interface Timer {
  cancel(): void;
}

/** setTimeout fires at once for anything longer (a 32-bit signed number of milliseconds). */
const MAX_TIMEOUT_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, MAX_TIMEOUT_MS);
      handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : action()), stepMs);
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  sleep(delayMs, signal) {
    return sleepOn(this, delayMs, signal);
  },
  soon: (action) => void setImmediate(action),
};

/** `Clock.sleep` in terms of `Clock.after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
