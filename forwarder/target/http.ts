/**
 * Target `http`: POSTs the event in CloudEvents binary mode and takes the answer as the result.
 *
 * Redirects are never followed, compressed answers neither asked for nor read, and no call outlives its deadline, which
 * covers all from connecting to the last byte.
 */
import type { Principal } from '../model/principal.ts';
import type { Reply, Target } from '../model/target.ts';
import type { DeliverySpec, HttpTarget } from '../model/trigger.ts';
import { refuseLate } from './call-limit.ts';
import { GoogleIdTokens } from './google-id-token.ts';
import { HttpAccess } from './http-access.ts';
import { httpCredentials } from './http-auth.ts';
import { HttpCaller, shownUrl } from './http-call.ts';
import { replyOf } from './http-reply.ts';
import { requestHeaders } from './request-headers.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

const FIELD = 'spec.target.http';

interface Shared extends Pick<TargetEnvironment, 'clock'> {
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
  const readCredentials = httpCredentials(spec, FIELD, principal, google);
  const { tls } = spec;
  const access = new HttpAccess({ clock, caller, principal, readCredentials, tls, field: FIELD, url, where });

  return {
    type: 'http',
    description: `http ${spec.service ?? where}`,
    maxDataBytes: undefined,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      const { end, context } = await access.post(
        requestHeaders(invocation, spec.headers),
        invocation,
        signal,
      );
      return replyOf(end, { ...context, reply });
    },
    // The connections belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
