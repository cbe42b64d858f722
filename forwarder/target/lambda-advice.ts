/** What AWS says of a function beside its calls, compared with what a trigger asks for. */
import { formatDuration } from '../../protocol/duration.ts';

/** What to say where the function may run longer than anybody waits for it; nothing where AWS does not tell. */
export async function timeoutAdvice(
  ask: () => Promise<{ readonly Timeout?: number | undefined }>,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const ownMs = ((await ask()).Timeout ?? 0) * 1000;
    if (ownMs <= timeoutMs) return undefined;
    const [given, own] = [formatDuration(timeoutMs), formatDuration(ownMs)];
    return `delivery.timeout (${given}) is shorter than the function's own timeout (${own}): it may still run when it is called again`;
  } catch {
    return undefined; // the right to ask is not needed for calls
  }
}
