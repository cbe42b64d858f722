/** When a call has to end although it has not: its deadline, or somebody stopping it. */
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
