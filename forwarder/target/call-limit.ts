/** When a call has to end although it has not: its deadline, or somebody stopping it. */
import { formatDuration } from '../../protocol/duration.ts';
import type { Clock } from '../lib/clock.ts';
import { TargetError } from '../lib/errors.ts';
import type { Invocation } from '../model/invocation.ts';

/** `deadline`: the invocation's own; `stopped`: the caller's signal. */
export type CallStop = 'deadline' | 'stopped';

/** Calls `stop` once, at the deadline or when the signal aborts, whichever comes first. Dispose it when the call is over. */
export function limitCall(
  clock: Pick<Clock, 'after' | 'monotonic'>,
  { deadlineMs }: Pick<Invocation, 'deadlineMs'>,
  signal: AbortSignal,
  stop: (why: CallStop) => void,
): Disposable {
  const onAbort = (): void => stop('stopped');
  if (signal.aborted) {
    onAbort();
    return { [Symbol.dispose]: () => undefined };
  }
  const timer = clock.after(deadlineMs - clock.monotonic(), () => stop('deadline'));
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    [Symbol.dispose]: () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Throws TargetError TARGET_TIMEOUT (delivery) where no time is left to begin the call in. */
export function refuseLate(
  clock: Pick<Clock, 'monotonic'>,
  { deadlineMs }: Pick<Invocation, 'deadlineMs'>,
): void {
  if (clock.monotonic() < deadlineMs) return;
  throw new TargetError('TARGET_TIMEOUT', 'the deadline passed before the call began', { blame: 'delivery' });
}

/**
 * What a call needs before it can begin, such as credentials. Throws what `needed` throws; the signal's reason where it
 * was stopped; TargetError TARGET_UNAVAILABLE (target) where the deadline came first.
 *
 * @param where names the function in that error
 */
export async function borrowWithin<T>(
  clock: Pick<Clock, 'after' | 'monotonic'>,
  invocation: Pick<Invocation, 'deadlineMs' | 'timeoutMs'>,
  signal: AbortSignal,
  needed: Promise<T>,
  where: string,
): Promise<T> {
  const stopped = Promise.withResolvers<CallStop>();
  using _limit = limitCall(clock, invocation, signal, stopped.resolve);
  const had = needed.then((value) => ({ value }));
  const end = await Promise.race([had, stopped.promise]);
  if (end === 'stopped') throw signal.reason;
  if (end !== 'deadline') return end.value;
  const within = formatDuration(invocation.timeoutMs);
  throw new TargetError('TARGET_UNAVAILABLE', `${where}: what the call needs did not come within ${within}`, {
    blame: 'target',
  });
}
