/** Which headers a trigger may set on its calls: one list for whoever checks triggers and whoever sends. */

/**
 * Names that a trigger cannot set: those that belong to the connection (RFC 9110, 7.6.1), those that frame the message,
 * and those by which the receiver knows the event.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'expect',
  'accept-encoding',
  'idempotency-key',
  'traceparent',
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const UNSAFE_VALUE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/** Why a trigger may not set this header; undefined where it may. The value is never part of the answer. */
export function headerProblem(name: string, value: string): string | undefined {
  const lowerCase = name.toLowerCase();
  if (!TOKEN.test(name)) return `${JSON.stringify(name.slice(0, 64))} is no header name`;
  if (RESERVED.has(lowerCase)) return `header "${lowerCase}" is set by the forwarder`;
  if (lowerCase.startsWith('ce-')) return 'headers that begin with "ce-" are the event\'s own attributes';
  if (UNSAFE_VALUE.test(value)) {
    return `the value of header "${lowerCase}" holds characters that no header can carry`;
  }
  return undefined;
}
