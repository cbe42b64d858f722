/** What an HTTP exchange means for a delivery: a Reply, or the TargetError that says whose failure it is. Pure. */
import { formatDuration } from '../../protocol/duration.ts';
import { RESULT_KIND } from '../../protocol/result.ts';
import { foreignText, TargetError } from '../lib/errors.ts';
import type { Reply } from '../model/target.ts';
import type { DeliverySpec } from '../model/trigger.ts';
import {
  describeConnectionError,
  errorCode,
  isCertificateRefused,
  isTlsFailure,
} from './connection-failures.ts';
import type { ExchangeEnd, HttpAnswer } from './http-exchange.ts';
import { isEmptyStatus, ruleOfStatus, type StatusRule } from './http-statuses.ts';
import { MAX_REPLY_BYTES } from './reply-limit.ts';
import { parseRetryAfter } from './retry-after.ts';
import { decodeUtf8 } from './utf8.ts';

export interface ReplyContext {
  /** The URL as people see it. */
  readonly where: string;
  readonly timeoutMs: number;
  /** `Ignore`: the body of a 2xx is not looked at. */
  readonly reply: DeliverySpec['reply'];
  /** Wall clock, for a Retry-After that is a date. */
  readonly nowMs: number;
  /** What a status means here. @defaultValue the table of plain HTTP */
  readonly ruleOf?: (answer: HttpAnswer) => StatusRule;
  /** The field that says whom to trust, where one does: a failure of TLS names it. */
  readonly tlsField?: string | undefined;
  /** Takes away what must not be shown. @defaultValue nothing */
  readonly shown?: (text: string) => string;
}

/** Throws TargetError for everything that is no success. */
export function replyOf(end: ExchangeEnd, context: ReplyContext): Reply {
  const { where } = context;
  if (end.answer === undefined) throw unanswered(end, context);
  const { answer } = end;
  if (answer.status < 200 || answer.status > 299) {
    const stated = context.reply === 'Result' ? statedError(answer) : undefined;
    if (stated !== undefined && end.kind === 'complete')
      return { kind: 'body', text: context.shown?.(stated) ?? stated };
    throw failedStatus(answer, context);
  }
  if (answer.status === 202) return { kind: 'accepted' };
  if (context.reply === 'Ignore' || isEmptyStatus(answer.status)) return { kind: 'empty' };
  if (end.kind === 'broken') throw brokenBody(end, context);
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw badReply(
      `${where} answered in content-encoding "${foreignText(encoding)}", which was not asked for`,
    );
  }
  if (answer.body.length === 0) return { kind: 'empty' };
  const text = decodeUtf8(answer.body);
  if (text === undefined) throw badReply(`${where} answered ${answer.status} with a body that is not UTF-8`);
  return { kind: 'body', text: context.shown?.(text) ?? text };
}

type Broken = Extract<ExchangeEnd, { kind: 'broken' }>;

/** No status came: before the request was sent it is the target's failure, after that the delivery's. */
function unanswered(end: ExchangeEnd, { where, timeoutMs, tlsField }: ReplyContext): TargetError {
  const { cause, phase, error } = end as Broken;
  const within = formatDuration(timeoutMs);
  if (error instanceof TargetError) return error;
  if (phase === 'connecting' || isCertificateRefused(error)) {
    if (errorCode(error) === 'UND_ERR_INVALID_ARG') {
      return new TargetError(
        'TARGET_MISCONFIGURED',
        `cannot call ${where}: ${describeConnectionError(error)}`,
        {
          blame: 'target',
          cause: error,
        },
      );
    }
    const why = cause === 'deadline' ? `no connection within ${within}` : describeConnectionError(error);
    const named = tlsField !== undefined && isTlsFailure(error) ? `${tlsField}: ` : '';
    return new TargetError('TARGET_UNREACHABLE', `${named}cannot reach ${where}: ${why}`, {
      blame: 'target',
      conclusive: true,
      cause: error,
    });
  }
  if (cause === 'deadline') {
    return new TargetError('TARGET_TIMEOUT', `no answer from ${where} within ${within}`, {
      blame: 'delivery',
    });
  }
  if (cause === 'malformed') return badReply(`${where} answered with what is not HTTP/1.1`, error);
  return lost(`connection to ${where} was lost before it answered: ${describeConnectionError(error)}`, error);
}

/** A 2xx whose body did not come whole. */
function brokenBody({ cause, error }: Broken, context: ReplyContext): TargetError {
  const { where } = context;
  switch (cause) {
    case 'deadline':
      return new TargetError(
        'TARGET_TIMEOUT',
        `no whole answer from ${where} within ${formatDuration(context.timeoutMs)}`,
        { blame: 'delivery' },
      );
    case 'oversize':
      return badReply(`${where} answered with more than ${MAX_REPLY_BYTES} bytes`);
    case 'malformed':
      return badReply(`${where} answered with a malformed body`, error);
    case 'failed':
    case 'stopped':
      return lost(
        `connection to ${where} was lost within its answer: ${describeConnectionError(error)}`,
        error,
      );
  }
}

function failedStatus(answer: HttpAnswer, context: ReplyContext): TargetError {
  const { status, headers, body } = answer;
  const { where, nowMs, shown = asIs, ruleOf = ruleOfAnswer } = context;
  const { code, ...rule } = ruleOf(answer);
  const retryAfterMs = parseRetryAfter(headers['retry-after'], nowMs);
  // What a target says of itself may differ from call to call; a condition must not.
  const said =
    rule.blame === 'delivery' ? excerpt(headers['content-type'], shown(body.toString('utf8'))) : '';
  const redirect = status >= 300 && status <= 399 ? '; redirects are not followed' : '';
  return new TargetError(code, `${where} answered ${status}${redirect}${said}`, {
    ...rule,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function asIs(text: string): string {
  return text;
}

function ruleOfAnswer({ status }: HttpAnswer): StatusRule {
  return ruleOfStatus(status);
}

/**
 * The body of a 422 or 500 that is a result with an error: the function's own word, which says more than the status
 * (whether to try again, when, and what to show meanwhile).
 */
function statedError({ status, headers, body }: HttpAnswer): string | undefined {
  if (status !== 422 && status !== 500) return undefined;
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) return undefined;
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return undefined;
  const text = decodeUtf8(body);
  if (text === undefined || !text.includes(RESULT_KIND)) return undefined;
  try {
    const { kind, error } = JSON.parse(text) as { readonly kind?: unknown; readonly error?: unknown };
    return kind === RESULT_KIND && typeof error === 'object' && error !== null ? text : undefined;
  } catch {
    return undefined;
  }
}

function excerpt(contentType: string | undefined, body: string): string {
  if (!/^(?:text\/plain|application\/(?:[\w.-]+\+)?json)\b/i.test(contentType ?? '')) return '';
  const text = foreignText(body.slice(0, 2048));
  return text === '' ? '' : `: ${text}`;
}

function badReply(message: string, cause?: unknown): TargetError {
  return new TargetError('TARGET_BAD_REPLY', message, { blame: 'delivery', cause });
}

function lost(message: string, cause: unknown): TargetError {
  return new TargetError('TARGET_ABORTED', message, { blame: 'delivery', cause });
}
