import type { FunctionResult } from '../../protocol/result.ts';
import type { Logger } from './log.ts';

/** Where an event wants its result sent (`statewirecallback`): an http or https address with a token of its own. */
export function callbackOf(event: unknown): string | undefined {
  const url = (event as { statewirecallback?: unknown } | null | undefined)?.statewirecallback;
  return typeof url === 'string' && /^https?:/.test(url) && URL.canParse(url) ? url : undefined;
}

/**
 * Sends a result to the address that its event named. Rejects where it may be taken another time; where the forwarder waits
 * no more (404, 410), it calls again by itself, and that is only logged.
 */
export async function sendResult(url: string, result: FunctionResult, log: Logger): Promise<void> {
  const { status } = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'statewire-functions' },
    body: JSON.stringify(result),
    redirect: 'error',
  });
  if (status === 404 || status === 410) log.warn('the result came too late', { status });
  else if (status > 299) throw new Error(`the forwarder answered ${status} to a callback`);
}
