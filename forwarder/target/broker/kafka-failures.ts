/** Whose failure it is when Kafka does not take a record. docs/reference/hosts.md holds the same as a table. */
import { messageOf, TargetError, type TargetErrorCode, type TargetErrorDetails } from '../../lib/errors.ts';
import { causesOf, connectionFailure } from './failures.ts';

type Rule = readonly [code: TargetErrorCode, details: TargetErrorDetails];

const NOT_FOUND: Rule = ['TARGET_NOT_FOUND', { blame: 'target', conclusive: true }];
const FORBIDDEN: Rule = ['TARGET_FORBIDDEN', { blame: 'target' }];
const MISCONFIGURED: Rule = ['TARGET_MISCONFIGURED', { blame: 'target' }];
const REFUSED: Rule = ['TARGET_REFUSED', { blame: 'delivery', permanent: true }];
const UNKNOWN_OUTCOME: Rule = ['TARGET_TIMEOUT', { blame: 'delivery' }];
const UNAVAILABLE: Rule = ['TARGET_UNAVAILABLE', { blame: 'target' }];

/** By the name of the protocol's error; every other is `UNAVAILABLE`. Those of size are read elsewhere. */
export const KAFKA_ERROR_RULES: Readonly<Record<string, Rule>> = {
  UNKNOWN_TOPIC_OR_PARTITION: NOT_FOUND,
  INVALID_TOPIC_EXCEPTION: NOT_FOUND,
  TOPIC_AUTHORIZATION_FAILED: FORBIDDEN,
  CLUSTER_AUTHORIZATION_FAILED: FORBIDDEN,
  SASL_AUTHENTICATION_FAILED: FORBIDDEN,
  UNSUPPORTED_SASL_MECHANISM: FORBIDDEN,
  POLICY_VIOLATION: MISCONFIGURED,
  INVALID_REQUIRED_ACKS: MISCONFIGURED,
  UNSUPPORTED_VERSION: MISCONFIGURED,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: MISCONFIGURED,
  INVALID_RECORD: REFUSED,
  INVALID_TIMESTAMP: REFUSED,
  REQUEST_TIMED_OUT: UNKNOWN_OUTCOME,
  THROTTLING_QUOTA_EXCEEDED: ['TARGET_THROTTLED', { blame: 'target', minWaitMs: 1000 }],
};
const OTHER = UNAVAILABLE;

/** The client tells a refused login by a name of its own. */
const LOGIN_REFUSED = 'KafkaJSSASLAuthenticationError';
const LOGIN_REFUSALS: ReadonlySet<unknown> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
]);

const TOO_LARGE: ReadonlySet<unknown> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/** Codes of a connection that never came about, so that nothing was sent on it. */
const NEVER_CONNECTED =
  /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)$/;

interface ClientError extends Error {
  /** The protocol's name of an error. */
  readonly type?: string;
  /** Of the socket, or of whoever ended it. */
  readonly code?: unknown;
}

/** Whether the broker refused a record for its size. */
export function isTooLarge(error: unknown): boolean {
  return TOO_LARGE.has(innermost(error)?.type);
}

/** Whether the broker does not let us in. */
export function isKafkaLoginRefusal(error: unknown): boolean {
  const cause = innermost(error);
  return cause?.name === LOGIN_REFUSED || LOGIN_REFUSALS.has(cause?.type);
}

/** What the client threw. `sent` is false where no first connection came about. */
export function kafkaFailure(error: unknown, where: string, sent: boolean): TargetError {
  if (error instanceof TargetError) return error;
  const cause = innermost(error);
  const message = messageOf(cause ?? error);
  if (cause?.code === 'TARGET_FORBIDDEN') {
    const refusal = message.replace(/^Connection error: /, '');
    return new TargetError('TARGET_FORBIDDEN', `${where}: ${refusal}`, { blame: 'target', conclusive: true });
  }
  if (isKafkaLoginRefusal(error)) return new TargetError(FORBIDDEN[0], `${where}: ${message}`, FORBIDDEN[1]);
  if (cause?.type !== undefined) {
    const [code, details] = KAFKA_ERROR_RULES[cause.type] ?? OTHER;
    return new TargetError(code, `${where}: ${cause.type}: ${message}`, details);
  }
  const isConnections = cause !== undefined && /Connection|RequestTimeout/.test(cause.name);
  if (!sent || isConnections) {
    return connectionFailure(where, cause, sent && !NEVER_CONNECTED.test(String(cause?.code)));
  }
  return new TargetError(OTHER[0], `${where}: ${message}`, OTHER[1]);
}

/** The client wraps what happened in errors about its own retries. */
function innermost(error: unknown): ClientError | undefined {
  return [...causesOf(error)].at(-1);
}
