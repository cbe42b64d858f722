/** A step of the demo that must happen in its time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A step that did not happen; the message says which. */
export class StepError extends Error {
  override readonly name = 'StepError';
}

/** Asks until there is an answer. Throws StepError after `withinMs`, or at once with what `broken` says. */
export async function happens<T>(
  what: string,
  withinMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
  broken: () => string | undefined = () => undefined,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    const reason = broken();
    if (reason !== undefined) throw new StepError(`${what}: ${reason}`);
    if (performance.now() > endMs) throw new StepError(`${what}: not within ${withinMs / 1000} s`);
    await sleep(5);
  }
}
