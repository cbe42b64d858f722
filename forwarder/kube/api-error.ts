/** The only place that turns answers and socket errors of the API server into ApiErrors. */
import { ApiError, type ApiErrorCode, type ApiErrorDetails, foreignText, messageOf } from '../lib/errors.ts';

interface Status {
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly details?: { readonly causes?: unknown; readonly retryAfterSeconds?: unknown };
}

/** Server-side apply answers 500 where the object does not fit the schema; trying again cannot help. */
const SCHEMA_REFUSAL =
  /field not declared in schema|failed to create typed patch object|failed to create manager for existing fields/;

/**
 * The error for an answer that is not 2xx. `what` says what was asked, like `GET /api/v1/pods`.
 */
export function errorFromAnswer(
  what: string,
  answer: { readonly status: number; readonly retryAfter?: string | undefined; readonly text: string },
): ApiError {
  const status = parseStatus(answer.text);
  return build(what, answer.status, status, answer.text, retryAfterMs(answer.retryAfter));
}

/** The error for a Status that came as an event of a watch. */
export function errorFromStatus(what: string, statusJson: string): ApiError {
  const status = parseStatus(statusJson);
  return build(what, typeof status.code === 'number' ? status.code : 500, status, statusJson, undefined);
}

/** The error for a request that got no answer. Errors that are ApiErrors already stay as they are. */
export function errorFromFailure(what: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('API_UNAVAILABLE', `${what}: ${describeFailure(error)}`, { cause: error });
}

/** Whether the connection was refused, reset or lost: as opposed to an answer. */
export function isConnectionFailure(error: ApiError): boolean {
  return error.code === 'API_UNAVAILABLE' && error.status === 0;
}

/** Whether nothing listens there: an attempt costs nobody anything. */
export function isConnectionRefused(error: ApiError): boolean {
  return isConnectionFailure(error) && failureCode(error.cause) === 'ECONNREFUSED';
}

/** A Retry-After header in milliseconds: seconds only, which is all the API server sends. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header) * 1000 : undefined;
}

function build(
  what: string,
  httpStatus: number,
  status: Status,
  text: string,
  headerRetryMs: number | undefined,
): ApiError {
  const message = typeof status.message === 'string' && status.message !== '' ? status.message : text;
  const reason = typeof status.reason === 'string' ? status.reason : '';
  const bodySeconds = status.details?.retryAfterSeconds;
  const retryMs = headerRetryMs ?? (typeof bodySeconds === 'number' ? bodySeconds * 1000 : undefined);
  const code = codeOf(httpStatus, reason, message);
  const said = foreignText(message);
  return new ApiError(code, `${what}: ${httpStatus}${said === '' ? '' : ` ${said}`}`, {
    status: httpStatus,
    reason: foreignText(reason),
    causes: causesOf(status.details?.causes),
    ...(retryMs !== undefined && { retryAfterMs: retryMs }),
  });
}

function codeOf(status: number, reason: string, message: string): ApiErrorCode {
  if (status === 410 || reason === 'Expired' || reason === 'Gone') return 'API_EXPIRED';
  switch (status) {
    case 401:
      return 'API_UNAUTHORIZED';
    case 403:
      return 'API_FORBIDDEN';
    case 404:
      return 'API_NOT_FOUND';
    case 409:
      return 'API_CONFLICT';
    case 429:
      return 'API_THROTTLED';
    case 500:
      return SCHEMA_REFUSAL.test(message) ? 'API_INVALID' : 'API_UNAVAILABLE';
    default:
      if (status === 408) return 'API_UNAVAILABLE';
      return status >= 400 && status < 500
        ? 'API_INVALID'
        : status >= 500
          ? 'API_UNAVAILABLE'
          : 'API_PROTOCOL';
  }
}

function causesOf(causes: unknown): NonNullable<ApiErrorDetails['causes']> {
  if (!Array.isArray(causes)) return [];
  return causes.slice(0, 100).map((cause: Readonly<Record<string, unknown>> | null) => ({
    ...field(cause, 'reason'),
    ...field(cause, 'message'),
    ...field(cause, 'field'),
  }));
}

function field<Name extends string>(
  from: Readonly<Record<string, unknown>> | null,
  name: Name,
): { readonly [name in Name]?: string } {
  const value = from?.[name];
  return (typeof value === 'string' ? { [name]: foreignText(value) } : {}) as {
    readonly [name in Name]?: string;
  };
}

function parseStatus(text: string): Status {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function failureCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** Deterministic where the system's text is not: no ports of our own, no addresses in turn. */
function describeFailure(error: unknown): string {
  const code = failureCode(error);
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'connection lost';
    case 'ETIMEDOUT':
      return 'no answer in time';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'host name cannot be resolved';
    default:
      return messageOf(error);
  }
}
