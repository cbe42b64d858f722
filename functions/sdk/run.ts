import { createHash } from 'node:crypto';
import { RESULT_API_VERSION, RESULT_KIND, type FunctionResult } from '../../protocol/result.ts';
import { systemClock, type Clock } from './clock.ts';
import { deadline } from './deadline.ts';
import type { HandlerContext, StatewireFunction } from './define-function.ts';
import { errorOf, isFunctionError } from './errors.ts';
import { EventError, eventTypeOf, readEvent, type ReceivedEvent } from './event.ts';
import { createLogger, type Logger } from './log.ts';
import { readObject, readPrevious } from './read-object.ts';
import { readResult } from './result-schema.ts';

/** What a host adapter knows about a call. */
export interface Call {
  /** As the carrier brought it; absent: made of the event's source and id. */
  readonly idempotencyKey?: string | undefined;
  /** What the host leaves for the call; absent: the event's deadline counts. */
  readonly leftMs?: number | undefined;
  /** Part of the time left that is kept for answering. */
  readonly marginMs?: number | undefined;
  /** Aborts when the caller hangs up. */
  readonly stopped?: AbortSignal | undefined;
}

/** What a host may replace, for tests. */
export interface Surroundings {
  readonly clock?: Clock | undefined;
  /** Takes one log line with its newline. @defaultValue standard output */
  readonly writeLog?: ((line: string) => void) | undefined;
}

/** How a call ended. `result` is always an answer; where it has an `error`, `thrown` is what it was made of. */
export interface Run {
  readonly result: FunctionResult;
  readonly thrown?: unknown;
}

/**
 * Runs one event, whatever host brought it: event → handler → checked result.
 *
 * Never throws: what goes wrong is `result.error`, permanent where trying again cannot help (an event for somebody
 * else, a spec of the wrong shape, `permanent()`), else retryable.
 */
export async function run(
  fn: StatewireFunction,
  received: unknown,
  call: Call = {},
  { clock = systemClock, writeLog }: Surroundings = {},
): Promise<Run> {
  let log = createLogger({}, () => clock.now(), writeLog);
  try {
    const event = readEvent(received);
    log = createLogger(logFieldsOf(event), () => clock.now(), writeLog);
    return await handle(fn, event, call, clock, log);
  } catch (thrown) {
    const error =
      thrown instanceof EventError ? { message: thrown.message, retryable: false } : errorOf(thrown);
    if (thrown instanceof EventError || isFunctionError(thrown)) log.warn('refused', { ...error });
    // The stack stays here: the answer carries one line.
    else log.error('failed', { error: thrown });
    return { result: { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND, error }, thrown };
  }
}

async function handle(
  fn: StatewireFunction,
  event: ReceivedEvent,
  call: Call,
  clock: Clock,
  log: Logger,
): Promise<Run> {
  const type = eventTypeOf(event);
  const { data } = event;
  const object = readObject(fn.resource, type, data.object, log);
  const limit = deadline(clock, call.leftMs ?? leftOf(event, clock), call);
  const context: HandlerContext<typeof object> = {
    type,
    object,
    previous: readPrevious(fn.resource, type, data.previous, log),
    changed: data.changed,
    children: data.children ?? {},
    reason: data.reason,
    attempt: Number(event.statewireattempt ?? 1),
    idempotencyKey: call.idempotencyKey ?? idempotencyKeyOf(event),
    signal: limit.signal,
    log,
    trigger: event.trigger,
    event,
  };
  try {
    return answered(readResult(await invoke(fn, context), fn.resource));
  } finally {
    limit.release();
  }
}

async function invoke(fn: StatewireFunction, context: HandlerContext<unknown>): Promise<unknown> {
  const { created, updated, deleted } = fn.handlers;
  const handler = { Created: created, Updated: updated, Deleted: deleted }[context.type];
  return (handler as ((context: HandlerContext<unknown>) => unknown) | undefined)?.(context);
}

function answered(result: FunctionResult): Run {
  return result.error === undefined ? { result } : { result, thrown: new Error(result.error.message) };
}

function leftOf(event: ReceivedEvent, clock: Clock): number | undefined {
  const at = Date.parse(event.statewiredeadline ?? '');
  return Number.isNaN(at) ? undefined : at - clock.now();
}

/** For carriers without a place for the forwarder's key: 64 hex that stand for the same occurrence. */
function idempotencyKeyOf(event: ReceivedEvent): string {
  return createHash('sha256').update(`${event.source}\n${event.id}`).digest('hex');
}

function logFieldsOf(event: ReceivedEvent): Record<string, unknown> {
  const { metadata } = event.data.object;
  const key = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  return {
    trigger: event.trigger,
    key,
    uid: metadata.uid,
    id: event.id,
    attempt: Number(event.statewireattempt ?? 1),
  };
}
