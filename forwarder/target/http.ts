/**
 * Target `http`: POSTs the event in CloudEvents binary mode and takes the answer as the result.
 *
 * Redirects are never followed, compressed answers neither asked for nor read, and no call outlives its deadline, which
 * covers all from connecting to the last byte. Where credentials from Secrets or tokens were refused (401, 403) they are
 * read anew, and if they are others by now the call is made once more.
 */
import type { Clock } from '../lib/clock.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Principal } from '../model/principal.ts';
import type { Reply, Target } from '../model/target.ts';
import type { DeliverySpec, HttpTarget } from '../model/trigger.ts';
import { borrowWithin, refuseLate } from './call-limit.ts';
import { GoogleIdTokens } from './google-id-token.ts';
import { HttpCaller, shownUrl } from './http-call.ts';
import { type Credentials, httpCredentials, isRenewed, withoutSecrets } from './http-credentials.ts';
import type { ExchangeEnd } from './http-exchange.ts';
import { replyOf } from './http-reply.ts';
import { requestHeaders } from './request-headers.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

interface Shared {
  readonly clock: Clock;
  readonly caller: HttpCaller;
  readonly google: GoogleIdTokens;
}

/** HTTP targets on one set of connections. */
export function httpTargets(environment: TargetEnvironment): TargetMaker<HttpTarget> {
  const { clock } = environment;
  const caller = new HttpCaller(environment);
  const google = new GoogleIdTokens(environment);
  return {
    create: (spec, { reply }, principal) =>
      createHttpTarget(spec, reply, principal, { clock, caller, google }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([caller[Symbol.asyncDispose](), google[Symbol.asyncDispose]()]);
    },
  };
}

function createHttpTarget(
  spec: HttpTarget,
  reply: DeliverySpec['reply'],
  principal: Principal,
  { clock, caller, google }: Shared,
): Target {
  const url = new URL(spec.url);
  const where = shownUrl(url);
  const readCredentials = httpCredentials(spec, principal, google);

  const post = (
    invocation: Invocation,
    signal: AbortSignal,
    credentials: Credentials,
  ): Promise<ExchangeEnd> => {
    const headers = { ...requestHeaders(invocation, spec.headers), ...credentials.headers };
    return caller.post({ url, headers, body: invocation.dataJson }, invocation, signal);
  };

  return {
    type: 'http',
    description: `http ${spec.service ?? where}`,
    maxDataBytes: undefined,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      const read = async (fresh: boolean): Promise<Credentials> => {
        if (readCredentials === undefined) return { headers: {}, secrets: [] };
        const message = { id: invocation.attributes.id, nowMs: clock.now(), body: invocation.dataJson };
        return await borrowWithin(clock, invocation, signal, readCredentials(message, fresh), where);
      };
      let credentials = await read(false);
      let end = await post(invocation, signal, credentials);
      if (readCredentials !== undefined && isRefusal(end)) {
        const renewed = await read(true);
        if (isRenewed(credentials, renewed)) {
          credentials = renewed;
          end = await post(invocation, signal, renewed);
        }
      }
      const { secrets } = credentials;
      return replyOf(end, {
        where,
        timeoutMs: invocation.timeoutMs,
        reply,
        nowMs: clock.now(),
        ...(secrets.length > 0 && { shown: (text) => withoutSecrets(text, secrets) }),
      });
    },
    // The connections belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The function knows no such caller: it has not looked at the event. */
function isRefusal({ answer }: ExchangeEnd): boolean {
  return answer?.status === 401 || answer?.status === 403;
}
