/** One call of the function: the event is built and sent, and what came of it is classified, measured and logged. */
import { messageOf, TargetError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Outcome } from '../model/outcome.ts';
import { classify } from '../outcome/classify.ts';
import type { Delivery, DeliveryContext } from './delivery.ts';
import type { Entry } from './entry.ts';

/**
 * Undefined where the call was stopped from here.
 *
 * @param options.started told once the event could be built
 */
export async function call(
  entry: Entry,
  delivery: Delivery,
  { services, setup }: DeliveryContext,
  { signal, started }: { readonly signal: AbortSignal; readonly started: (entry: Entry) => void },
): Promise<Outcome | undefined> {
  const { clock, meter, logger } = services;
  const { spec } = setup.trigger;
  const labels = { trigger: setup.name, target: setup.target.type };
  const startedMs = clock.monotonic();
  let id = '';
  let outcome: Outcome;
  try {
    const invocation = delivery.invocation();
    id = invocation.attributes.id;
    started(entry);
    if (entry.waitingSinceMs !== undefined && delivery.flight.attempt === 1) {
      const { trigger } = labels;
      const waitedMs = startedMs - entry.waitingSinceMs;
      meter.observe('statewire_event_to_invocation_seconds', { trigger }, waitedMs / 1000);
    }
    entry.waitingSinceMs = undefined;
    outcome = classify(await setup.target.invoke(invocation, signal), spec.delivery);
  } catch (error) {
    if (!(error instanceof TargetError) && signal.aborted) return undefined;
    outcome = classify(asTargetError(error, logger), spec.delivery);
  }
  const durationMs = clock.monotonic() - startedMs;
  meter.observe('statewire_invocation_duration_seconds', labels, durationMs / 1000);
  logger.info('invoked', {
    key: entry.name,
    uid: entry.record.uid,
    id,
    attempt: delivery.flight.attempt,
    outcome: outcome.kind,
    reason: delivery.flight.reason,
    durationMs: Math.round(durationMs * 10) / 10,
    ...('failure' in outcome && { code: outcome.failure.code, error: outcome.failure.message }),
  });
  return outcome;
}

/** An object that cannot be put into an event, or a fault of ours: it counts against this delivery and no other. */
function asTargetError(error: unknown, logger: Logger): TargetError {
  if (error instanceof TargetError) return error;
  logger.error('delivery failed unexpectedly', { error: messageOf(error) });
  return new TargetError('TARGET_FAILED', messageOf(error), { blame: 'delivery', cause: error });
}
