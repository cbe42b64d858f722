import type { FunctionResult } from '../../protocol/result.ts';
import { callbackOf, sendResult } from './callback.ts';
import { systemClock } from './clock.ts';
import type { StatewireFunction } from './define-function.ts';
import { createLogger } from './log.ts';
import { run, type RunOptions } from './run.ts';

/** What is used of the context that Lambda's Node.js runtime passes. */
export interface LambdaContext {
  getRemainingTimeInMillis?(): number;
  readonly clientContext?: unknown;
}

export type LambdaHandler = (event: unknown, context?: LambdaContext) => Promise<FunctionResult>;

export interface LambdaOptions extends RunOptions {
  /**
   * What becomes of an error. `return`: the answer carries it, status and conditions included. `throw`: the invocation
   * fails, so that Lambda's own retries and on-failure destinations work. `auto`: returned to a caller that sent a
   * client context with an idempotency key, as Statewire does when it waits for the answer (unless it says that it does
   * not read it), or named an address for the result (`statewirecallback`), where it was sent; else thrown, since nobody
   * reads the answer of an `Event` invocation. @defaultValue auto
   */
  readonly errors?: 'auto' | 'return' | 'throw';
  /** Time kept for answering, in milliseconds. @defaultValue 500, at most a tenth of the time left */
  readonly marginMs?: number;
}

/** The function as a Lambda handler: `export const handler = toLambda(fn)`. */
export function toLambda(fn: StatewireFunction, options: LambdaOptions = {}): LambdaHandler {
  const { errors = 'auto', marginMs } = options;
  return async (event, context) => {
    const idempotencyKey = idempotencyKeyOf(context?.clientContext);
    const leftMs = context?.getRemainingTimeInMillis?.();
    const callback = callbackOf(event);
    const callerWaits = idempotencyKey !== undefined || callback !== undefined;
    const callerReads = callerWaits && customOf(context?.clientContext)?.['reply'] !== 'Ignore';
    const { result, thrown } = await run(
      fn,
      event,
      { idempotencyKey, leftMs, marginMs, callerWaits },
      options,
    );
    const { clock = systemClock, writeLog } = options;
    if (callback !== undefined) {
      await sendResult(
        callback,
        result,
        createLogger({}, () => clock.now(), writeLog),
      );
    }
    const returns = errors === 'return' || (errors === 'auto' && callerReads);
    if (result.error !== undefined && !returns) throw thrown;
    return result;
  };
}

function idempotencyKeyOf(clientContext: unknown): string | undefined {
  const key = customOf(clientContext)?.['idempotencyKey'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}

/** `custom` of a client context, which a caller can write as it likes. */
function customOf(clientContext: unknown): Readonly<Record<string, unknown>> | null | undefined {
  return (clientContext as { custom?: Readonly<Record<string, unknown>> | null } | null | undefined)?.custom;
}
