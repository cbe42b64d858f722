/**
 * Target `knative`: any Addressable. Where it is, who vouches for it and whom a token must be for stands in its
 * `status.address`, which is read when it is needed and anew after a failure that may come from an address of before.
 * Events go in CloudEvents binary mode; the reply may be an
 * event, too, whose data is the result.
 *
 * Source: knative/specs, eventing/data-plane.md.
 */
import type { Clock } from '../lib/clock.ts';
import { TargetError, type TargetErrorCode } from '../lib/errors.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Address, Principal } from '../model/principal.ts';
import type { Reply, Target } from '../model/target.ts';
import type { KnativeTarget } from '../model/trigger.ts';
import { borrowWithin, refuseLate } from './call-limit.ts';
import { replyEvent } from './cloudevent-reply.ts';
import { HttpCaller, shownUrl } from './http-call.ts';
import { withoutSecrets } from './http-credentials.ts';
import { replyOf } from './http-reply.ts';
import { ruleOfKnative } from './platform-statuses.ts';
import { requestHeaders } from './request-headers.ts';
import type { TargetDelivery, TargetEnvironment, TargetMaker } from './target-maker.ts';
import { trustAlso, type TlsMaterial } from './tls-secret.ts';

const FIELD = 'spec.target.knative.ref';
const CA_FIELD = `${FIELD}: status.address.CACerts`;

/** Knative targets on one set of connections. */
export function knativeTargets(environment: TargetEnvironment): TargetMaker<KnativeTarget> {
  const caller = new HttpCaller(environment);
  return {
    create: (spec, delivery, principal) =>
      createKnativeTarget(spec, delivery, principal, environment.clock, caller),
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  };
}

function createKnativeTarget(
  { ref }: KnativeTarget,
  { reply }: TargetDelivery,
  principal: Principal,
  clock: Clock,
  caller: HttpCaller,
): Target {
  const description = `knative ${ref.kind} ${ref.name}`;
  /** The last call failed so that its address may have been an old one. */
  let isDoubted = false;

  let trusted: TlsMaterial | undefined;

  const find = async (): Promise<Address & { readonly token?: string }> => {
    const address = await principal.address(ref, { field: FIELD, fresh: isDoubted });
    if (address.audience === undefined) return address;
    return { ...address, token: await principal.token(address.audience, { field: FIELD, fresh: isDoubted }) };
  };

  const call = async (invocation: Invocation, signal: AbortSignal): Promise<Reply> => {
    const address = await borrowWithin(clock, invocation, signal, find(), description);
    const { token } = address;
    const url = new URL(address.url);
    trusted = address.caCerts === undefined ? undefined : trustAlso(address.caCerts, CA_FIELD, trusted);
    const tls = trusted && { owner: principal.name, material: trusted };
    const headers = {
      ...requestHeaders(invocation, {}),
      accept: 'application/json, application/cloudevents+json',
      prefer: 'reply',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const end = await caller.post({ url, headers, body: invocation.dataJson, tls }, invocation, signal);
    const context = {
      where: shownUrl(url),
      timeoutMs: invocation.timeoutMs,
      reply,
      nowMs: clock.now(),
      ruleOf: ruleOfKnative,
      ...(tls !== undefined && { tlsField: CA_FIELD }),
      ...(token !== undefined && { shown: (text: string) => withoutSecrets(text, [token]) }),
    };
    return replyEvent(replyOf(end, context), end.answer?.headers['content-type'], context.where);
  };

  return {
    type: 'knative',
    description,
    maxDataBytes: undefined,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      try {
        const answered = await call(invocation, signal);
        isDoubted = false;
        return answered;
      } catch (error) {
        isDoubted = error instanceof TargetError && mayHaveMoved(error);
        throw error;
      }
    },
    // The connections belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Nobody was there, somebody else was, or the token was refused. What a function says of an object comes from itself. */
const DOUBTFUL: ReadonlySet<TargetErrorCode> = new Set([
  'TARGET_FORBIDDEN',
  'TARGET_NOT_FOUND',
  'TARGET_ABORTED',
  'TARGET_TIMEOUT',
]);

function mayHaveMoved({ blame, code }: TargetError): boolean {
  return blame === 'target' || DOUBTFUL.has(code);
}
