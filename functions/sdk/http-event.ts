import type { IncomingHttpHeaders } from 'node:http';
import type { HttpRequest } from './http-exchange.ts';
import { signatureProblem, type WebhookSecret } from './webhook-signature.ts';

/** A request that is refused before it becomes an event. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface HttpEvent {
  /** The event in structured form, not yet checked. */
  readonly event: unknown;
  /** `webhook-id`, where the body's signature was checked. */
  readonly signedId: string | undefined;
}

const STRUCTURED = 'application/cloudevents+json';

/** Reads a CloudEvent in binary or structured mode; its signature first, where there is a secret. Throws HttpError. */
export async function readHttpEvent(
  request: HttpRequest,
  options: {
    readonly maxBodyBytes: number;
    readonly secret: WebhookSecret | undefined;
    readonly now: () => number;
  },
): Promise<HttpEvent> {
  const { headers } = request;
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new HttpError(415, `content-encoding ${encoding} is not identity`);
  const structured = mediaType === STRUCTURED;
  if (!structured && mediaType !== 'application/json') {
    throw new HttpError(415, `content-type "${mediaType}" is neither application/json nor ${STRUCTURED}`);
  }
  const attributes = attributesOf(headers);
  if (!structured && !('specversion' in attributes)) {
    throw new HttpError(400, 'not a CloudEvent: no ce-specversion header');
  }
  const body = await request.readBody(options.maxBodyBytes);
  const raw = typeof body === 'string' || body instanceof Uint8Array ? body : undefined;
  if (raw !== undefined && Buffer.byteLength(raw) > options.maxBodyBytes) {
    throw tooLarge(options.maxBodyBytes);
  }
  const signedId =
    options.secret === undefined ? undefined : verify(request, raw, options.secret, options.now());
  const data = parse(body);
  return { event: structured ? data : { ...attributes, datacontenttype: mediaType, data }, signedId };
}

export function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `the body is larger than ${maxBytes} bytes`);
}

export function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function verify(
  { headers, rawBodyHint }: HttpRequest,
  body: string | Uint8Array | undefined,
  secret: WebhookSecret,
  nowMs: number,
): string | undefined {
  if (body === undefined) {
    const hint = rawBodyHint ?? 'a parser ran before';
    throw new HttpError(500, `the signature cannot be checked without the body as it came: ${hint}`);
  }
  const id = textOf(headers['webhook-id']);
  const timestamp = textOf(headers['webhook-timestamp']);
  const signature = textOf(headers['webhook-signature']);
  const problem = signatureProblem(secret, { id, timestamp, signature, body }, nowMs);
  if (problem !== undefined) throw new HttpError(401, `the request is refused: ${problem}`);
  return id;
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
