/** What a target says of itself beside its calls: a warning on `Accepted`, which stays True. */
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';

/** Longest time that a host may take to tell. */
const TIMEOUT_MS = 10_000;

/**
 * Asks in the background, and tells at most once.
 *
 * @param isCurrent false once this version of the trigger does not run any more
 */
export async function tellAdvice(
  { clock, status }: Services,
  { trigger, target }: Setup,
  isCurrent: () => boolean,
): Promise<void> {
  if (target.advise === undefined) return;
  const stop = new AbortController();
  const timer = clock.after(TIMEOUT_MS, () => stop.abort(new Error('no answer in time')));
  const message = await target.advise(trigger.spec.delivery.timeoutMs, stop.signal);
  timer.cancel();
  if (message === undefined || !isCurrent()) return;
  const condition = { type: 'Accepted', status: 'True', reason: 'AcceptedWithWarning', message } as const;
  status.update(trigger.identity, { conditions: [condition] });
}
