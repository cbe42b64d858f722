/**
 * What an error of the Lambda Invoke API says about a call. First the error's own name decides, then its HTTP status.
 * docs/reference/hosts.md shows these tables to people. Source: errors of Invoke in the AWS API reference.
 */
import { type Blame, foreignText, TargetError, type TargetErrorCode } from '../lib/errors.ts';
import { parseRetryAfter } from './retry-after.ts';

/** After these the service asked for room; no wait is shorter. */
const MIN_WAIT_MS = 1000;

export interface LambdaRule {
  readonly code: TargetErrorCode;
  readonly blame: Blame;
  readonly permanent?: boolean;
  readonly conclusive?: boolean;
  readonly minWaitMs?: number;
}

const THROTTLED: LambdaRule = { code: 'TARGET_THROTTLED', blame: 'target', minWaitMs: MIN_WAIT_MS };
const UNAVAILABLE: LambdaRule = { code: 'TARGET_UNAVAILABLE', blame: 'target' };
const MISCONFIGURED: LambdaRule = { code: 'TARGET_MISCONFIGURED', blame: 'target' };
const FORBIDDEN: LambdaRule = { code: 'TARGET_FORBIDDEN', blame: 'target' };
const NOT_FOUND: LambdaRule = { code: 'TARGET_NOT_FOUND', blame: 'target', conclusive: true };
const REFUSED: LambdaRule = { code: 'TARGET_REFUSED', blame: 'delivery', permanent: true };
const TOO_LARGE: LambdaRule = { code: 'TARGET_TOO_LARGE', blame: 'delivery', permanent: true };
const TIMEOUT: LambdaRule = { code: 'TARGET_TIMEOUT', blame: 'delivery' };

/** By the name of the exception. */
export const LAMBDA_ERROR_RULES: Readonly<Record<string, LambdaRule>> = {
  TooManyRequestsException: THROTTLED,
  EC2ThrottledException: THROTTLED,

  // The function is not ready yet, whichever object it is called for.
  SnapStartNotReadyException: UNAVAILABLE,
  SnapStartTimeoutException: UNAVAILABLE,
  CodeArtifactUserPendingException: UNAVAILABLE,
  ResourceConflictException: UNAVAILABLE,
  ResourceNotReadyException: UNAVAILABLE,
  ENINotReadyException: UNAVAILABLE,
  EFSMountTimeoutException: UNAVAILABLE,
  EFSMountConnectivityException: UNAVAILABLE,
  S3FilesMountTimeoutException: UNAVAILABLE,
  S3FilesMountConnectivityException: UNAVAILABLE,
  ServiceException: UNAVAILABLE,
  EC2UnexpectedException: UNAVAILABLE,
  ServiceQuotaExceededException: UNAVAILABLE,

  ResourceNotFoundException: NOT_FOUND,
  AccessDeniedException: FORBIDDEN,

  CodeArtifactUserDeletedException: MISCONFIGURED,
  CodeArtifactUserFailedException: MISCONFIGURED,
  EC2AccessDeniedException: MISCONFIGURED,
  EFSIOException: MISCONFIGURED,
  EFSMountFailureException: MISCONFIGURED,
  ENILimitReachedException: MISCONFIGURED,
  InvalidParameterValueException: MISCONFIGURED,
  InvalidRuntimeException: MISCONFIGURED,
  InvalidSecurityGroupIDException: MISCONFIGURED,
  InvalidSubnetIDException: MISCONFIGURED,
  InvalidZipFileException: MISCONFIGURED,
  KMSAccessDeniedException: MISCONFIGURED,
  KMSDisabledException: MISCONFIGURED,
  KMSInvalidStateException: MISCONFIGURED,
  KMSNotFoundException: MISCONFIGURED,
  ModeNotSupportedException: MISCONFIGURED,
  NoPublishedVersionException: MISCONFIGURED,
  S3FilesMountFailureException: MISCONFIGURED,
  SnapStartException: MISCONFIGURED,
  SnapStartRegenerationFailureException: MISCONFIGURED,
  SubnetIPAddressLimitReachedException: MISCONFIGURED,

  InvalidRequestContentException: REFUSED,
  RecursiveInvocationException: REFUSED,
  UnsupportedMediaTypeException: REFUSED,
  DurableExecutionAlreadyStartedException: REFUSED,
  RequestTooLargeException: TOO_LARGE,
  SerializedRequestEntityTooLargeException: TOO_LARGE,
};

export interface LambdaStatusRule extends LambdaRule {
  /** Inclusive. */
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
}

/** For names that are not in the table, as those of something in between; the first rule that holds the status wins. */
const LAMBDA_STATUS_RULES: readonly LambdaStatusRule[] = [
  { from: 300, to: 399, ...MISCONFIGURED },
  { from: 401, to: 401, ...FORBIDDEN },
  { from: 403, to: 403, ...FORBIDDEN },
  { from: 404, to: 404, ...NOT_FOUND },
  { from: 408, to: 408, ...TIMEOUT },
  { from: 409, to: 409, ...UNAVAILABLE },
  { from: 413, to: 413, ...TOO_LARGE },
  { from: 429, to: 429, ...THROTTLED },
  { from: 400, to: 499, ...REFUSED },
  { from: 503, to: 503, ...UNAVAILABLE, minWaitMs: MIN_WAIT_MS },
  { from: 504, to: 504, ...TIMEOUT },
];

/** What the SDK tells of an answer that is not 2xx. */
export interface LambdaApiError {
  readonly name: string;
  readonly message: string;
  readonly status: number;
  /** As the header said it. */
  readonly retryAfter: string | undefined;
  /** `Reason` of a throttle. */
  readonly reason: string | undefined;
}

/** `where` names the function, such as `lambda application`. */
export function lambdaFailure(
  error: LambdaApiError,
  { where, nowMs }: { readonly where: string; readonly nowMs: number },
): TargetError {
  const { name, status } = error;
  const { code, ...rule } =
    (Object.hasOwn(LAMBDA_ERROR_RULES, name) ? LAMBDA_ERROR_RULES[name] : undefined) ??
    LAMBDA_STATUS_RULES.find(({ from, to }) => from <= status && status <= to) ??
    UNAVAILABLE;
  const retryAfterMs = parseRetryAfter(error.retryAfter, nowMs);
  const said = foreignText(withoutRequestIds(error.reason ?? error.message));
  return new TargetError(
    code,
    `${where}: ${foreignText(name)} (${status})${said === '' ? '' : `: ${said}`}`,
    {
      blame: rule.blame,
      ...(rule.permanent !== undefined && { permanent: rule.permanent }),
      ...(rule.conclusive !== undefined && { conclusive: rule.conclusive }),
      ...(rule.minWaitMs !== undefined && { minWaitMs: rule.minWaitMs }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  );
}

/** The payload beside `X-Amz-Function-Error`, as TargetError (delivery). */
export function functionFailure(payload: string, where: string): TargetError {
  const { errorType = 'Error', errorMessage = '' } = parseFunctionError(payload);
  const said = foreignText(withoutRequestIds(errorMessage));
  // Lambda ends the function at its own timeout; the function's environment names no type for that.
  const timedOut = errorType === 'Sandbox.Timedout' || /\btask timed out after\b/i.test(errorMessage);
  return new TargetError(
    timedOut ? 'TARGET_TIMEOUT' : 'TARGET_FAILED',
    `${where} failed: ${foreignText(errorType)}${said === '' ? '' : `: ${said}`}`,
    { blame: 'delivery' },
  );
}

function parseFunctionError(payload: string): {
  readonly errorType?: string;
  readonly errorMessage?: string;
} {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return { errorMessage: payload }; // runtimes of one's own may answer anything
  }
  if (typeof parsed !== 'object' || parsed === null) return { errorMessage: payload };
  const { errorType, errorMessage } = parsed as Readonly<Record<string, unknown>>;
  return {
    ...(typeof errorType === 'string' && errorType !== '' && { errorType }),
    ...(typeof errorMessage === 'string' && { errorMessage }),
  };
}

/** The same problem is to read the same each time. */
function withoutRequestIds(text: string): string {
  return text
    .replace(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z /, '')
    .replaceAll(/(?:RequestId: )?\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b:? ?/gi, '');
}
