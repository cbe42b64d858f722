/**
 * Target `http`: POSTs the event in CloudEvents binary mode and takes the answer as the result.
 *
 * Redirects are never followed, compressed answers neither asked for nor read, and no call outlives its deadline, which
 * covers all from connecting to the last byte.
 */
import type { Agent } from 'undici';
import type { Clock } from '../lib/clock.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Reply, Target } from '../model/target.ts';
import type { DeliverySpec, HttpTarget } from '../model/trigger.ts';
import { createHttpAgent } from './http-agent.ts';
import { limitCall, refuseLate } from './call-limit.ts';
import { type ExchangeEnd, HttpExchange } from './http-exchange.ts';
import { replyOf } from './http-reply.ts';
import { MAX_REPLY_BYTES } from './reply-limit.ts';
import { requestHeaders } from './request-headers.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

/** HTTP targets on one set of connections. */
export function httpTargets({ clock, guard }: TargetEnvironment): TargetMaker<HttpTarget> {
  const agent = createHttpAgent(guard);
  return {
    create: (spec, { reply }) => createHttpTarget(spec, reply, { clock, agent }),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

function createHttpTarget(
  spec: HttpTarget,
  reply: DeliverySpec['reply'],
  { clock, agent }: { readonly clock: Clock; readonly agent: Agent },
): Target {
  const url = new URL(spec.url);
  // Without the query, which may hold a key.
  const where = `${url.origin}${url.pathname}`;
  const path = `${url.pathname}${url.search}`;

  const exchange = (invocation: Invocation, signal: AbortSignal): Promise<ExchangeEnd> =>
    new Promise((resolve) => {
      const handler = new HttpExchange(MAX_REPLY_BYTES, (end) => {
        limit[Symbol.dispose]();
        resolve(end);
      });
      const limit = limitCall(clock, invocation, signal, (why) => handler.stop(why));
      agent.dispatch(
        {
          origin: url.origin,
          path,
          method: 'POST',
          headers: requestHeaders(invocation, spec.headers),
          body: invocation.dataJson,
        },
        handler,
      );
    });

  return {
    type: 'http',
    description: `http ${spec.service ?? where}`,
    maxDataBytes: undefined,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      const end = await exchange(invocation, signal);
      if (end.kind === 'broken' && end.cause === 'stopped') throw signal.reason;
      return replyOf(end, {
        where,
        maxBodyBytes: MAX_REPLY_BYTES,
        timeoutMs: invocation.timeoutMs,
        reply,
        nowMs: clock.now(),
      });
    },
    // The connections belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
