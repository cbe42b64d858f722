/** Whose failure it is when NATS does not take a message. docs/reference/hosts.md holds the same as a table. */
import { foreignText, messageOf, TargetError, type TargetErrorDetails } from '../../lib/errors.ts';
import { causesOf, connectionFailure } from './failures.ts';

/** `JSStreamMessageExceedsMaximumErr`: above the stream's `max_msg_size`. */
const MESSAGE_EXCEEDS_MAXIMUM = 10054;

interface Acknowledgement {
  readonly stream?: unknown;
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
}

/** Returns where a stream has stored the message. Throws TargetError. */
export function readAcknowledgement(text: string, where: string, bytes: number): void {
  const { stream, error } = parse(text);
  if (error !== undefined) throw refusal(error, where, bytes);
  if (typeof stream === 'string' && stream !== '') return;
  throw new TargetError('TARGET_BAD_REPLY', `${where}: the answer is no acknowledgement of JetStream`, {
    blame: 'delivery',
  });
}

function parse(text: string): Acknowledgement {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function refusal(
  { code, err_code: number, description = '' }: NonNullable<Acknowledgement['error']>,
  where: string,
  bytes: number,
): TargetError {
  const said = `${foreignText(description)} (${number ?? code ?? 'no code'})`;
  if (number === MESSAGE_EXCEEDS_MAXIMUM) {
    const message = `${where}: data of ${bytes} bytes: ${said}: the stream's max_msg_size`;
    return new TargetError('TARGET_TOO_LARGE', message, { blame: 'delivery', permanent: true });
  }
  if (code === 429)
    return new TargetError('TARGET_THROTTLED', `${where}: ${said}`, { blame: 'target', minWaitMs: 1000 });
  const isServers = code === undefined || code >= 500;
  return new TargetError(isServers ? 'TARGET_UNAVAILABLE' : 'TARGET_MISCONFIGURED', `${where}: ${said}`, {
    blame: 'target',
  });
}

const LOGIN_REFUSALS: ReadonlySet<string> = new Set(['AuthorizationError', 'UserAuthenticationExpiredError']);

/** The client's errors by name, where they are not about the connection. */
const RULES: Readonly<Record<string, readonly [code: TargetError['code'], details: TargetErrorDetails]>> = {
  AuthorizationError: ['TARGET_FORBIDDEN', { blame: 'target' }],
  UserAuthenticationExpiredError: ['TARGET_FORBIDDEN', { blame: 'target' }],
  PermissionViolationError: ['TARGET_FORBIDDEN', { blame: 'target' }],
  TimeoutError: ['TARGET_TIMEOUT', { blame: 'delivery' }],
};

/** Whether the server does not let us in. */
export function isNatsLoginRefusal(error: unknown): boolean {
  return [...causesOf(error)].some(({ name }) => LOGIN_REFUSALS.has(name));
}

/** What the client threw, or `readAcknowledgement`. */
export function natsFailure(
  error: unknown,
  { where, subject, sent }: { readonly where: string; readonly subject: string; readonly sent: boolean },
): TargetError {
  if (error instanceof TargetError) return error;
  const causes = [...causesOf(error)];
  if (causes.some(({ name }) => name === 'NoResponders')) {
    return new TargetError('TARGET_NOT_FOUND', `${where}: no JetStream stream takes subject ${subject}`, {
      blame: 'target',
      conclusive: true,
    });
  }
  for (const cause of causes) {
    const rule = RULES[cause.name];
    if (rule !== undefined && (sent || cause.name !== 'TimeoutError')) {
      return new TargetError(rule[0], `${where}: ${messageOf(cause)}`, rule[1]);
    }
  }
  return connectionFailure(where, causes.at(-1) ?? error, sent);
}
