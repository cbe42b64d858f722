/** Waits for the world outside to catch up: the real clock, for integration tests only. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks until the answer is neither undefined nor false and nothing is thrown; then returns it. After `withinMs` it
 * throws what the last try said. The time limits a hang and is no measurement.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 30_000, everyMs = 50 }: { readonly withinMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const endMs = performance.now() + withinMs;
  let last: unknown = 'no answer';
  while (performance.now() < endMs) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = `last answer: ${String(answer)}`;
    } catch (error) {
      last = error;
    }
    await sleep(everyMs);
  }
  throw new Error(
    `not within ${withinMs} ms: ${what} (${last instanceof Error ? last.message : String(last)})`,
    { cause: last },
  );
}

/** Lets real time pass to show that nothing happens in it. */
export async function quietFor(ms: number): Promise<void> {
  await sleep(ms);
}
