import { createHash } from 'node:crypto';
import { RESULT_API_VERSION, RESULT_KIND, type FunctionResult } from '../../protocol/result.ts';
import type { ApiAccess } from '../../protocol/event.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Cluster } from './cluster/cluster.ts';
import { eventCluster } from './cluster/event-cluster.ts';
import { deadline } from './deadline.ts';
import type { HandlerContext, StatewireFunction } from './define-function.ts';
import { errorOf, isFunctionError } from './errors.ts';
import { EventError, eventTypeOf, readEvent, type ReceivedEvent } from './event.ts';
import { createLogger, type Logger } from './log.ts';
import { readObject, readPrevious, refuseOtherKinds } from './read-object.ts';
import { readResult } from './result-schema.ts';
import { staleGuardOf } from './stale-guard.ts';
import { wholeObject } from './whole-object.ts';

/** What a host adapter knows about a call. */
export interface Call {
  /** As the carrier brought it; absent: made of the event's source and id. */
  readonly idempotencyKey?: string | undefined;
  /** What the host leaves for the call; the event's deadline counts beside it. */
  readonly leftMs?: number | undefined;
  /** False where nobody waits for the answer: the event's deadline does not count then. @defaultValue true */
  readonly callerWaits?: boolean | undefined;
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
  /** @defaultValue the one that the event comes from */
  readonly cluster?: Cluster | undefined;
  /** Told each event, without the token that it may have carried, and its result. Where it throws, the call fails. */
  readonly onRun?: ((event: ReceivedEvent, result: FunctionResult) => void) | undefined;
}

/** What an author may choose on every host. */
export interface RunOptions extends Surroundings {
  /**
   * Whether an event is answered as done, without calling a handler, where this process has handled a newer state of its
   * object that was sent later: some carriers deliver late, or in another order. @defaultValue true
   */
  readonly skipStale?: boolean;
  /**
   * `return`: a result's status and conditions go to the caller. `write`: they are written from here, and what is returned
   * has neither; for carriers that take no answer. @defaultValue return
   */
  readonly status?: 'return' | 'write';
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
  options: RunOptions = {},
): Promise<Run> {
  const { clock = systemClock, writeLog, skipStale = true, onRun } = options;
  let log = createLogger({}, () => clock.now(), writeLog);
  let ended: Run;
  try {
    const event = readEvent(received);
    log = createLogger(logFieldsOf(event), () => clock.now(), writeLog);
    const guard = staleGuardOf(fn);
    if (skipStale && guard.isStale(event)) {
      log.info('skipped: a newer state was handled', { sequence: event.sequence });
      return { result: { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND } };
    }
    ended = await handle(fn, event, call, { ...options, clock }, log).catch((thrown: unknown) =>
      failed(thrown, log),
    );
    if (ended.result.error === undefined) guard.handled(event);
    onRun?.(withoutAccess(event).event, ended.result);
  } catch (thrown) {
    ended = failed(thrown, log);
  }
  return ended;
}

/** The answer to what was thrown; its stack stays here, the answer carries one line. */
function failed(thrown: unknown, log: Logger): Run {
  const error =
    thrown instanceof EventError ? { message: thrown.message, retryable: false } : errorOf(thrown);
  if (thrown instanceof EventError || isFunctionError(thrown)) log.warn('refused', { ...error });
  else log.error('failed', { error: thrown });
  return { result: { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND, error }, thrown };
}

async function handle(
  fn: StatewireFunction,
  received: ReceivedEvent,
  call: Call,
  { clock, cluster, status }: RunOptions & { readonly clock: Clock },
  log: Logger,
): Promise<Run> {
  const { event, access } = withoutAccess(received);
  const type = eventTypeOf(event);
  const { data, trigger } = event;
  refuseOtherKinds(fn.resource, data.object);
  const limit = deadline(clock, leftOf(event, call, clock), call);
  const home = cluster ?? eventCluster({ trigger, access, clock, signal: limit.signal });
  try {
    const sent = event.dataref === undefined ? data.object : await wholeObject(home, type, data.object);
    if (sent === undefined) {
      log.info('skipped: the object is gone, or going', { dataref: event.dataref });
      return { result: { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND } };
    }
    const object = readObject(fn.resource, type, sent, log);
    const patchStatus: HandlerContext<unknown>['patchStatus'] = (statement, part) =>
      home.patchStatus(sent, statement, part);
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
      trigger,
      event,
      cluster: home,
      patchStatus,
    };
    const result = readResult(await invoke(fn, context), fn.resource);
    return answered(status === 'write' ? await writeStatus(result, patchStatus) : result);
  } finally {
    limit.release();
  }
}

/** What is left for the caller once the status is written. */
async function writeStatus(
  result: FunctionResult,
  patchStatus: HandlerContext<unknown>['patchStatus'],
): Promise<FunctionResult> {
  const { status, conditions, ...rest } = result;
  if (status !== undefined || conditions !== undefined) await patchStatus({ status, conditions });
  return rest;
}

/** Keeps tokens apart from what handlers see and may log. */
function withoutAccess(received: ReceivedEvent): { event: ReceivedEvent; access: ApiAccess | undefined } {
  const { statewirecallback: _callback, ...event } = received;
  const { access, ...data } = event.data;
  return { event: { ...event, data }, access };
}

async function invoke(fn: StatewireFunction, context: HandlerContext<unknown>): Promise<unknown> {
  const { created, updated, deleted } = fn.handlers;
  const handler = { Created: created, Updated: updated, Deleted: deleted }[context.type];
  return (handler as ((context: HandlerContext<unknown>) => unknown) | undefined)?.(context);
}

function answered(result: FunctionResult): Run {
  return result.error === undefined ? { result } : { result, thrown: new Error(result.error.message) };
}

/** The nearer of the two deadlines. One that has passed does not count: an event that waited in a queue is handled all the same. */
function leftOf(event: ReceivedEvent, call: Call, clock: Clock): number | undefined {
  const callerLeftMs =
    call.callerWaits === false ? Number.NaN : Date.parse(event.statewiredeadline ?? '') - clock.now();
  const ahead = [call.leftMs ?? Number.NaN, callerLeftMs].filter((leftMs) => leftMs > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
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
