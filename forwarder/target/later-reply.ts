/** The reply of a function whose host only queued the call: it comes by a callback, within the same deadline. */
import { formatDuration } from '../../protocol/duration.ts';
import type { Clock } from '../lib/clock.ts';
import { TargetError } from '../lib/errors.ts';
import type { ExpectedCallback } from '../model/callbacks.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Reply } from '../model/target.ts';
import { type CallStop, limitCall } from './call-limit.ts';
import { replyOf, type ReplyContext } from './http-reply.ts';

/** Throws TargetError as `replyOf`, TARGET_TIMEOUT (delivery) where nothing came, and the signal's reason. */
export async function laterReply(
  clock: Clock,
  invocation: Invocation,
  signal: AbortSignal,
  { answer }: ExpectedCallback,
  context: Omit<ReplyContext, 'timeoutMs' | 'nowMs'>,
): Promise<Reply> {
  const stopped = Promise.withResolvers<CallStop>();
  using _limit = limitCall(clock, invocation, signal, stopped.resolve);
  const end = await Promise.race([answer, stopped.promise]);
  if (end === 'stopped') throw signal.reason;
  const { timeoutMs } = invocation;
  if (end === 'deadline') {
    const within = formatDuration(timeoutMs);
    throw new TargetError('TARGET_TIMEOUT', `no callback from ${context.where} within ${within}`, {
      blame: 'delivery',
    });
  }
  return replyOf({ kind: 'complete', answer: end }, { ...context, timeoutMs, nowMs: clock.now() });
}
