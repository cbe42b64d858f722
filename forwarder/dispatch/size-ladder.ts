/**
 * Makes `data` fit what the function host takes: `previous` is left out first, then `children`, then, where the trigger
 * says so, all of the object but its identity. What is still too large fails for good.
 */
import { TargetError } from '../lib/errors.ts';
import type { InvocationData } from '../model/invocation.ts';
import { identityOf } from './payload.ts';

export interface FittedData {
  /** At most the limit. */
  readonly json: string;
  /** Whether the object is its identity only, to be read where it is. */
  readonly isReference: boolean;
}

/**
 * @param dataref whether the object may be sent as its identity
 * @throws TargetError TARGET_TOO_LARGE (delivery, permanent), which names the size of the object and the limit
 */
export function fitData(
  data: InvocationData,
  limitBytes: number | undefined,
  { dataref }: { readonly dataref: boolean },
): FittedData {
  const { previous, children, ...least } = data;
  const fits = (text: string): boolean => limitBytes === undefined || Buffer.byteLength(text) <= limitBytes;
  let json = JSON.stringify(data);
  if (!fits(json) && previous !== undefined) {
    json = JSON.stringify({ ...least, ...(children !== undefined && { children }) });
  }
  if (!fits(json) && children !== undefined) json = JSON.stringify(least);
  if (fits(json)) return { json, isReference: false };
  const reference = dataref && JSON.stringify({ ...least, object: identityOf(data.object) });
  if (reference !== false && fits(reference)) return { json: reference, isReference: true };
  throw new TargetError(
    'TARGET_TOO_LARGE',
    `object of ${Buffer.byteLength(json)} bytes is larger than the ${limitBytes} bytes the target takes`,
    { blame: 'delivery', permanent: true },
  );
}
