/**
 * The three classes of expected failure, each with a closed list of codes. Code reads `code`; people read `message`,
 * which is one line and the same for the same problem. Inside a folder failure is an exception, between stages a value.
 */

/** Texts from outside are cut at this length before they enter an error. */
const MAX_FOREIGN_TEXT = 256;

/** One line of foreign text, at most 256 characters. */
export function foreignText(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_FOREIGN_TEXT ? `${line.slice(0, MAX_FOREIGN_TEXT - 1)}…` : line;
}

/** The message of anything thrown, as one line of foreign text. */
export function messageOf(error: unknown): string {
  return foreignText(error instanceof Error ? error.message || error.name : String(error));
}

export type ConfigErrorCode = 'CONFIG_INVALID';

/** Start refuses (exit 2). `field` is the flag, the variable or the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: ConfigErrorCode;
  readonly field: string;
  constructor(code: ConfigErrorCode, field: string, message: string, options?: ErrorOptions) {
    super(`${field}: ${message}`, options);
    this.code = code;
    this.field = field;
  }
}

export type ApiErrorCode =
  | 'API_UNAUTHORIZED'
  | 'API_FORBIDDEN'
  | 'API_NOT_FOUND'
  | 'API_CONFLICT'
  | 'API_EXPIRED'
  | 'API_INVALID'
  | 'API_THROTTLED'
  | 'API_UNAVAILABLE'
  | 'API_PROTOCOL';

export interface ApiErrorDetails extends ErrorOptions {
  /** HTTP status; 0 where no answer came. */
  readonly status?: number;
  /** The `reason` of the server's Status. */
  readonly reason?: string;
  /** The `details.causes` of the server's Status. */
  readonly causes?: readonly {
    readonly reason?: string;
    readonly message?: string;
    readonly field?: string;
  }[];
  readonly retryAfterMs?: number;
}

/** A request to the API server that failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly reason: string;
  readonly causes: NonNullable<ApiErrorDetails['causes']>;
  readonly retryAfterMs: number | undefined;
  constructor(code: ApiErrorCode, message: string, details: ApiErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.status = details.status ?? 0;
    this.reason = details.reason ?? '';
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

export type TargetErrorCode =
  | 'TARGET_TIMEOUT'
  | 'TARGET_UNREACHABLE'
  | 'TARGET_THROTTLED'
  | 'TARGET_FAILED'
  | 'TARGET_REFUSED'
  | 'TARGET_BAD_REPLY'
  | 'TARGET_TOO_LARGE'
  | 'TARGET_FORBIDDEN'
  | 'TARGET_NOT_FOUND'
  | 'TARGET_MISCONFIGURED'
  | 'TARGET_UNAVAILABLE'
  | 'TARGET_ABORTED';

/**
 * Whose failure it is.
 * - `delivery`: this state of this object; counts towards `maxAttempts`.
 * - `target`: the function or the way to it; uses no attempts, makes no dead letters.
 */
export type Blame = 'delivery' | 'target';

export interface TargetErrorDetails extends ErrorOptions {
  readonly blame: Blame;
  /** Retrying the same state cannot help. @defaultValue false */
  readonly permanent?: boolean;
  /** Plain HTTP 401, 403, 404, 410: permanent for one object, the target's own once three objects in a row had it. */
  readonly suspect?: boolean;
  /** Nothing can be reached, or Lambda knows no such function: one such failure opens the circuit. @defaultValue false */
  readonly conclusive?: boolean;
  /** From Retry-After, not yet clamped. */
  readonly retryAfterMs?: number;
  /** No wait shorter than this (1,000 after 429 and 503). */
  readonly minWaitMs?: number;
}

/** A delivery that failed, thrown by a Target and by nothing else. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly code: TargetErrorCode;
  readonly blame: Blame;
  readonly permanent: boolean;
  readonly suspect: boolean;
  readonly conclusive: boolean;
  readonly retryAfterMs: number | undefined;
  readonly minWaitMs: number;
  constructor(code: TargetErrorCode, message: string, details: TargetErrorDetails) {
    super(message, details);
    this.code = code;
    this.blame = details.blame;
    this.permanent = details.permanent ?? false;
    this.suspect = details.suspect ?? false;
    this.conclusive = details.conclusive ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.minWaitMs = details.minWaitMs ?? 0;
  }
}
