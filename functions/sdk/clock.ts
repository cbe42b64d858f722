/** Time as a port, so that a test can own it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `action` once after `delayMs`, unless it is cancelled before. */
  after(delayMs: number, action: () => void): { cancel(): void };
}

/** setTimeout fires at once for anything longer (a 32-bit signed number of milliseconds). */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** Timers keep the process alive: Lambda's runtime ends where nothing does, also while a handler waits for its signal. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(delayMs, MAX_TIMEOUT_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};
