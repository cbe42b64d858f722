import assert from 'node:assert/strict';
import type { ManualClock } from './manual-clock.ts';

/** Turns of the event loop that real sockets may take; far more than they need. */
const MAX_TURNS = 50_000;

/** Lets sockets and due timers run, without letting time pass, until something is so. */
export async function until(clock: ManualClock, what: string, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    if (holds()) return;
    await clock.advance(0);
  }
  assert.fail(`never came: ${what}`);
}

/** Lets time pass in small steps, with sockets running in between, until something is so; returns the time it took. */
export async function passUntil(
  clock: ManualClock,
  options: { readonly what: string; readonly maxMs: number; readonly stepMs?: number },
  holds: () => boolean,
): Promise<number> {
  const { what, maxMs, stepMs = 50 } = options;
  const startMs = clock.monotonic();
  while (clock.monotonic() - startMs <= maxMs) {
    for (let turn = 0; turn < 20; turn++) {
      if (holds()) return clock.monotonic() - startMs;
      await clock.advance(0);
    }
    await clock.advance(stepMs);
  }
  assert.fail(`never came: ${what}`);
}
