/** Why no connection came about, or why one broke, in words that are the same for the same problem. */
import { foreignText, messageOf } from '../lib/errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ENETDOWN: 'network is down',
  EADDRNOTAVAIL: 'no local port is free',
  EMFILE: 'too many open files in the forwarder',
  ETIMEDOUT: 'no answer to the connection attempt',
  ENOTFOUND: 'host name does not exist',
  EAI_AGAIN: 'name server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer to the connection attempt',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_DESTROYED: 'connection closed by the forwarder',
  // OpenSSL puts a thread id into the message of these.
  EPROTO: 'TLS handshake failed',
};

/** The code of anything thrown by sockets; of several attempts on one name, that of the first. */
export function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** One phrase, such as `connection refused`. */
export function describeConnectionError(error: unknown): string {
  const code = errorCode(error);
  const words = WORDS[code];
  if (words !== undefined) return words;
  if (code.startsWith('ERR_SSL_')) return `TLS handshake failed (${foreignText(code)})`;
  return isTlsFailure(error) ? `TLS: ${messageOf(error)}` : messageOf(error);
}

/** Whether the two sides do not trust each other, or do not understand each other's TLS. */
export function isTlsFailure(error: unknown): boolean {
  return /^(?:EPROTO$|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/.test(
    errorCode(error),
  );
}

/**
 * Whether the server wants a client certificate, or another one. In TLS 1.3 that comes after the client has begun to send,
 * and the server has read nothing of it.
 */
export function isCertificateRefused(error: unknown): boolean {
  return /^ERR_SSL_.*_ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)$/.test(errorCode(error));
}
