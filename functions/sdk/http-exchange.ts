import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { RESULT_API_VERSION, RESULT_KIND, type FunctionResult } from '../../protocol/result.ts';
import type { StatewireFunction } from './define-function.ts';
import { EventError } from './event.ts';
import { run, type Surroundings } from './run.ts';

/** A request, whichever server took it. */
export interface HttpRequest {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Bytes or text of the body, or what a parser that ran before made of it. Called at most once. Throws HttpError. */
  readonly readBody: () => Promise<unknown>;
  /** Aborts when the caller hangs up. */
  readonly stopped?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** A request that is refused before it becomes an event. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const STRUCTURED = 'application/cloudevents+json';
const METHODS = 'POST, OPTIONS';

/**
 * Answers one request: a CloudEvent in binary or structured mode, or the handshake of the CloudEvents webhook rules.
 *
 * What the function says, its errors included, is 200 with a FunctionResult: status, conditions and events beside an
 * error are to be applied, and a server's own 5xx pages stay apart from them. The rest is 4xx, with an error in the
 * same form.
 */
export async function answerHttp(
  fn: StatewireFunction,
  request: HttpRequest,
  surroundings: Surroundings,
): Promise<HttpResponse> {
  if (request.method === 'OPTIONS') return handshake(request.headers);
  try {
    const event = await readRequest(request);
    const idempotencyKey = textOf(request.headers['idempotency-key']);
    const { result, thrown } = await run(
      fn,
      event,
      { idempotencyKey, stopped: request.stopped },
      surroundings,
    );
    return json(thrown instanceof EventError ? thrown.status : 200, result);
  } catch (error) {
    if (error instanceof HttpError) return failure(error.status, error.message);
    throw error;
  }
}

/** A refusal, or a failure of the host itself, in the form of a result. */
export function failure(status: number, message: string): HttpResponse {
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

/** The event in structured form. */
async function readRequest(request: HttpRequest): Promise<unknown> {
  const { headers } = request;
  if (request.method !== 'POST') throw new HttpError(405, `method ${request.method} is not POST`);
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new HttpError(415, `content-encoding ${encoding} is not identity`);
  if (mediaType === STRUCTURED) return parse(await request.readBody());
  if (mediaType !== 'application/json') {
    throw new HttpError(415, `content-type "${mediaType}" is neither application/json nor ${STRUCTURED}`);
  }
  const attributes = attributesOf(headers);
  if (!('specversion' in attributes)) throw new HttpError(400, 'not a CloudEvent: no ce-specversion header');
  return { ...attributes, datacontenttype: mediaType, data: parse(await request.readBody()) };
}

function attributesOf(headers: IncomingHttpHeaders): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-') && typeof value === 'string')
      attributes[name.slice(3)] = percentDecoded(value);
  }
  return attributes;
}

/** CloudEvents HTTP binding 3.1.3.2; a value that is not well-formed is taken as it is. */
function percentDecoded(value: string): string {
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return value;
  }
}

function parse(body: unknown): unknown {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return body;
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new HttpError(400, 'the body is not JSON', { cause });
  }
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function json(status: number, result: FunctionResult): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(result) };
}
