/**
 * The arithmetic of debouncing: a key is released once it has been quiet for `quietMs`, and never later than
 * `maxWaitMs` after the first change of the row.
 */
export interface Window {
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface WindowLimits {
  readonly quietMs: number;
  /** At least `quietMs` in a valid trigger; where it is less, it wins. */
  readonly maxWaitMs: number;
}

/** The window after another change at `nowMs`; `before` is undefined for the first one of a row. */
export function extend(before: Window | undefined, nowMs: number): Window {
  return { firstMs: before?.firstMs ?? nowMs, lastMs: nowMs };
}

/** When the key of this window is released. */
export function releaseAtMs(window: Window, { quietMs, maxWaitMs }: WindowLimits): number {
  return Math.min(window.lastMs + quietMs, window.firstMs + maxWaitMs);
}
