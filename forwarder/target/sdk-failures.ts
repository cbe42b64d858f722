/** What the AWS SDK throws, as TargetError: an answer of the API, a connection that failed, or credentials that lack. */
import { messageOf, TargetError } from '../lib/errors.ts';
import { describeConnectionError, errorCode } from './connection-failures.ts';
import { ReplyTooLarge } from './lambda-call.ts';
import { type LambdaApiError, lambdaFailure } from './lambda-errors.ts';
import { MAX_REPLY_BYTES } from './reply-limit.ts';

const CREDENTIALS_HINT =
  'give the forwarder an IAM role (IRSA, EKS Pod Identity) or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
/** System calls before a request can be on its way. */
const CONNECTING: ReadonlySet<string> = new Set(['connect', 'getaddrinfo']);
/** What Node says of a TLS handshake that the peer breaks off. */
const HANDSHAKE_BROKEN = 'Client network socket disconnected before secure TLS connection was established';

interface SdkError extends Error {
  readonly syscall?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
  readonly Reason?: string;
}

export function sdkFailure(
  thrown: unknown,
  context: { readonly where: string; readonly nowMs: number },
): TargetError {
  const { where } = context;
  if (thrown instanceof TargetError) return thrown;
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as SdkError;
  // The SDK adds a hint for programmers to whatever fails while it reads a reply.
  error.message = error.message.split('\n', 1)[0] ?? '';
  const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode ?? 0;
  if (status >= 300) return lambdaFailure(apiError(error, status), context);
  if (error instanceof ReplyTooLarge) {
    return new TargetError('TARGET_BAD_REPLY', `${where} answered with more than ${MAX_REPLY_BYTES} bytes`, {
      blame: 'delivery',
    });
  }
  const code = errorCode(error);
  if (error.name === 'CredentialsProviderError') {
    return new TargetError('TARGET_MISCONFIGURED', `${where}: no AWS credentials; ${CREDENTIALS_HINT}`, {
      blame: 'target',
      conclusive: true,
      cause: error,
    });
  }
  if (isMalformed(error, code)) {
    return new TargetError('TARGET_BAD_REPLY', `${where} answered with what is not HTTP/1.1`, {
      blame: 'delivery',
      cause: error,
    });
  }
  if (isConnecting(error, code)) {
    return new TargetError('TARGET_UNREACHABLE', `cannot reach ${where}: ${describe(error)}`, {
      blame: 'target',
      conclusive: true,
      cause: error,
    });
  }
  return new TargetError('TARGET_ABORTED', `connection to ${where} was lost: ${describe(error)}`, {
    blame: 'delivery',
    cause: error,
  });
}

function apiError(error: SdkError, status: number): LambdaApiError {
  // Where the body is not what the API sends, the SDK's own complaint about it says nothing of the function.
  const foreign = error instanceof SyntaxError || error.name === 'Error';
  return {
    name: foreign ? 'error' : error.name,
    message: foreign || error.message === 'UnknownError' ? '' : messageOf(error),
    status,
    retryAfter: error.$response?.headers?.['retry-after'],
    reason: error.Reason,
  };
}

function isMalformed(error: SdkError, code: string): boolean {
  return error instanceof SyntaxError || (code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE');
}

function isConnecting(error: SdkError, code: string): boolean {
  return (
    isTimeoutOfConnecting(error) ||
    CONNECTING.has(syscallOf(error)) ||
    code === 'EPROTO' ||
    error.message === HANDSHAKE_BROKEN ||
    /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_)/.test(code)
  );
}

/**
 * The only timeout of its own that the SDK is given is that of connecting. It gives the same name to connections that
 * were reset; those have a code.
 */
function isTimeoutOfConnecting(error: SdkError): boolean {
  return error.name === 'TimeoutError' && errorCode(error) === '';
}

function syscallOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return syscallOf(error.errors[0]);
  return (error as NodeJS.ErrnoException).syscall ?? '';
}

function describe(error: SdkError): string {
  return isTimeoutOfConnecting(error)
    ? 'no answer to the connection attempt'
    : describeConnectionError(error);
}
