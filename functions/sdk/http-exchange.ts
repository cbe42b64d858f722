import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { parseDuration } from '../../protocol/duration.ts';
import { RESULT_API_VERSION, RESULT_KIND, type FunctionResult } from '../../protocol/result.ts';
import { systemClock } from './clock.ts';
import type { StatewireFunction } from './define-function.ts';
import { EventError, isDeletionReason } from './event.ts';
import { DEFAULT_MAX_BODY_BYTES, type HttpHostOptions } from './host-options.ts';
import { HttpError, readHttpEvent, textOf } from './http-event.ts';
import { createLogger } from './log.ts';
import { run } from './run.ts';

/** A request, whichever server took it. */
export interface HttpRequest {
  readonly method: string | undefined;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Bytes or text of the body, else what a parser that ran before made of it. Called at most once. Throws HttpError. */
  readonly readBody: (maxBytes: number) => unknown;
  /** Aborts when the caller hangs up. */
  readonly stopped?: AbortSignal | undefined;
  /** What the host leaves for this call; absent: what the options say. */
  readonly leftMs?: number | undefined;
  /** How to get at the body as it came, for a host that may have parsed it. */
  readonly rawBodyHint?: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

const METHODS = 'POST, OPTIONS';

/**
 * Answers one request: a CloudEvent in binary or structured mode, or the handshake of the CloudEvents webhook rules.
 *
 * Success is 200 with a FunctionResult, an error 500 or 422 with one: status, conditions and events beside an error are to
 * be applied, and a server's own error pages stay apart from them. What is no event for this function is another 4xx, with
 * an error in the same form. Never throws: what goes wrong here is 500 and logged.
 */
export async function answerHttp(
  fn: StatewireFunction,
  request: HttpRequest,
  options: HttpHostOptions,
): Promise<HttpResponse> {
  if (request.method === 'OPTIONS') return handshake(request.headers);
  try {
    return await answerEvent(fn, request, options);
  } catch (error) {
    if (error instanceof HttpError) return failure(error.status, error.message);
    createLogger({}, () => Date.now(), options.writeLog).error('failed', { error });
    return failure(500, 'internal error');
  }
}

async function answerEvent(
  fn: StatewireFunction,
  request: HttpRequest,
  options: HttpHostOptions,
): Promise<HttpResponse> {
  const { clock = systemClock, maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = options;
  if (request.method !== 'POST') throw new HttpError(405, `method ${request.method} is not POST`);
  const { event, signedId } = await readHttpEvent(request, {
    maxBodyBytes,
    secret: options.webhookSecret,
    now: () => clock.now(),
  });
  if (signedId !== undefined && !isSigned(event, signedId)) {
    throw new HttpError(401, 'the request is refused: its attributes are not what was signed');
  }
  const { result, thrown } = await run(
    fn,
    event,
    {
      idempotencyKey: textOf(request.headers['idempotency-key']),
      stopped: request.stopped,
      leftMs: least(request.leftMs, options.timeoutMs),
      marginMs: options.marginMs,
    },
    options,
  );
  if (thrown instanceof EventError) return json(thrown.status, result);
  return options.errors === 'return' ? json(200, result) : answerResult(result);
}

function answerResult(result: FunctionResult): HttpResponse {
  const { error } = result;
  if (error === undefined) return json(200, result);
  const response = json(error.retryable === false ? 422 : 500, result);
  const afterMs = error.retryAfter === undefined ? undefined : parseDuration(error.retryAfter);
  if (afterMs === undefined) return response;
  return { ...response, headers: { ...response.headers, 'retry-after': `${Math.ceil(afterMs / 1000)}` } };
}

/**
 * The body is signed and the attributes of binary mode are not: the id by which a body was signed must be the event's,
 * and a body that was sent for another reason must not come as a deletion.
 */
function isSigned(event: unknown, signedId: string): boolean {
  const { id, type, data } = (event ?? {}) as {
    id?: unknown;
    type?: unknown;
    data?: { reason?: unknown } | null;
  };
  const deletes = typeof type === 'string' && type.endsWith('.deleted');
  return id === signedId && deletes === isDeletionReason(data?.reason);
}

function least(...limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((one) => one !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** A refusal, or a failure of the host itself, in the form of a result. */
function failure(status: number, message: string): HttpResponse {
  const error = { message, retryable: status >= 500 };
  const response = json(status, { apiVersion: RESULT_API_VERSION, kind: RESULT_KIND, error });
  return status === 405 ? { ...response, headers: { ...response.headers, allow: METHODS } } : response;
}

/** CloudEvents HTTP webhook, section 4: we take events from whoever asks; authentication is the server's business. */
function handshake(headers: IncomingHttpHeaders): HttpResponse {
  const origin = textOf(headers['webhook-request-origin']);
  const consent =
    origin === undefined ? {} : { 'webhook-allowed-origin': origin, 'webhook-allowed-rate': '*' };
  return { status: 200, headers: { allow: METHODS, ...consent }, body: '' };
}

function json(status: number, result: FunctionResult): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(result) };
}
