/**
 * Makes `data` fit what the function host takes: `previous` is left out first, then `children`; what is still too large
 * fails for good, because the object alone does not fit.
 */
import { TargetError } from '../lib/errors.ts';
import type { InvocationData } from '../model/invocation.ts';

/** `data` as JSON text of at most `limitBytes`. Throws TargetError TARGET_TOO_LARGE (delivery, permanent). */
export function fitData(data: InvocationData, limitBytes: number | undefined): string {
  const { previous, children, ...least } = data;
  let text = JSON.stringify(data);
  if (limitBytes === undefined || Buffer.byteLength(text) <= limitBytes) return text;
  if (previous !== undefined) {
    text = JSON.stringify({ ...least, ...(children !== undefined && { children }) });
    if (Buffer.byteLength(text) <= limitBytes) return text;
  }
  if (children !== undefined) {
    text = JSON.stringify(least);
    if (Buffer.byteLength(text) <= limitBytes) return text;
  }
  throw new TargetError(
    'TARGET_TOO_LARGE',
    `object of ${Buffer.byteLength(text)} bytes is larger than the ${limitBytes} bytes the target takes`,
    { blame: 'delivery', permanent: true },
  );
}
