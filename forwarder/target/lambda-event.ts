/** The event as Lambda gets it: structured CloudEvents JSON, with what varies per attempt in the client context too. */
import type { EventAttributes } from '../../protocol/event.ts';
import type { Invocation } from '../model/invocation.ts';
import type { DeliverySpec } from '../model/trigger.ts';

/**
 * `data` stands in it as the text it is, so that its numbers stay exact.
 *
 * @param callbackUrl where the function may report its result, for calls that are only queued
 */
export function structuredEvent(
  { attributes, dataJson }: Pick<Invocation, 'attributes' | 'dataJson'>,
  callbackUrl?: string,
): string {
  const all: EventAttributes = {
    ...attributes,
    ...(callbackUrl !== undefined && { statewirecallback: callbackUrl }),
  };
  return `${JSON.stringify(all).slice(0, -1)},"data":${dataJson}}`;
}

/**
 * `ClientContext` of a synchronous call, in base64: about 300 bytes of the 3,583 that Lambda takes. Where replies are not
 * read it says so: a function then lets the invocation fail rather than state its error in a result.
 */
export function clientContext(
  { attributes, idempotencyKey }: Invocation,
  reply: DeliverySpec['reply'] = 'Result',
): string {
  const custom = {
    attempt: attributes.statewireattempt,
    deadline: attributes.statewiredeadline,
    idempotencyKey,
    ...(reply === 'Ignore' && { reply }),
  };
  return Buffer.from(JSON.stringify({ custom })).toString('base64');
}
