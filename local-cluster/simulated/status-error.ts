/** Answers that say no, as the API server words them: `Status` objects. */

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(
    code: number,
    message: string,
    options: { readonly reason?: string; readonly details?: StatusDetails } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = options.reason ?? REASONS[code] ?? '';
    this.details = options.details;
  }

  body(): string {
    const { code, reason, details, message } = this;
    return `${JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason !== '' && { reason }),
      ...(details !== undefined && { details }),
      code,
    })}\n`;
  }
}

/** What a resource and an object of it are called in messages. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

function qualified({ group, plural }: Pick<Named, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function details({ group, plural }: Named, name: string): StatusDetails {
  return { name, ...(group !== '' && { group }), kind: plural };
}

/** No such path or resource. */
export function noResource(): StatusError {
  return new StatusError(404, 'the server could not find the requested resource', { details: {} });
}

export function notFound(kind: Named, name: string): StatusError {
  return new StatusError(404, `${qualified(kind)} "${name}" not found`, { details: details(kind, name) });
}

export function alreadyExists(kind: Named, name: string): StatusError {
  return new StatusError(409, `${qualified(kind)} "${name}" already exists`, {
    reason: 'AlreadyExists',
    details: details(kind, name),
  });
}

export function conflict(kind: Named, name: string, why: string): StatusError {
  return new StatusError(409, `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, {
    details: details(kind, name),
  });
}

export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** One or more fields that are wrong. */
export function invalid(kind: Named, name: string, causes: readonly Required<StatusCause>[]): StatusError {
  const told = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = told.length === 1 ? told[0] : `[${told.join(', ')}]`;
  const qualifiedKind = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError(422, `${qualifiedKind} "${name}" is invalid: ${list}`, {
    details: { ...details(kind, name), kind: kind.kind, causes },
  });
}

export function expired(message: string): StatusError {
  return new StatusError(410, message, { reason: 'Expired' });
}
