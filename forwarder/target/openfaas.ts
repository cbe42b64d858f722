/**
 * Target `openfaas`: a function behind an OpenFaaS gateway, in CloudEvents binary mode (its Node templates leave
 * structured events unread). `async` leaves the call with the gateway's queue; then the result comes by a callback, or
 * stays unknown where the forwarder has no callback address.
 */
import { formatDuration } from '../../protocol/duration.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Principal } from '../model/principal.ts';
import type { Reply, Target } from '../model/target.ts';
import type { OpenFaasTarget } from '../model/trigger.ts';
import { refuseLate } from './call-limit.ts';
import { FunctionTokens } from './function-tokens.ts';
import { HttpAccess } from './http-access.ts';
import { HttpCaller, shownUrl } from './http-call.ts';
import type { HttpAnswer } from './http-exchange.ts';
import { replyOf } from './http-reply.ts';
import type { StatusRule } from './http-statuses.ts';
import { laterReply } from './later-reply.ts';
import { openFaasCredentials } from './openfaas-auth.ts';
import { ruleOfOpenFaas, ruleOfOpenFaasQueue } from './platform-statuses.ts';
import { requestHeaders } from './request-headers.ts';
import type { TargetDelivery, TargetEnvironment, TargetMaker } from './target-maker.ts';

const FIELD = 'spec.target.openfaas';
/** A message of the queue may have 1 MiB, in which the body stands in base64 beside the headers. */
const MAX_QUEUED_BYTES = 720 * 1024;

/** OpenFaaS targets on one set of connections. */
export function openFaasTargets(environment: TargetEnvironment): TargetMaker<OpenFaasTarget> {
  const caller = new HttpCaller(environment);
  const tokens = new FunctionTokens({ clock: environment.clock, caller });
  return {
    create: (spec, delivery, principal) =>
      createOpenFaasTarget(spec, delivery, principal, environment, { caller, tokens }),
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  };
}

function createOpenFaasTarget(
  spec: OpenFaasTarget,
  { reply }: TargetDelivery,
  principal: Principal,
  { clock, callbacks }: TargetEnvironment,
  { caller, tokens }: { readonly caller: HttpCaller; readonly tokens: FunctionTokens },
): Target {
  const name = spec.namespace === undefined ? spec.name : `${spec.name}.${spec.namespace}`;
  const route = spec.async ? 'async-function' : 'function';
  const gateway = spec.gateway.replace(/\/+$/, '');
  const url = new URL(`${gateway}/${route}/${name}`);
  const where = shownUrl(url);
  const readCredentials = openFaasCredentials(spec, gateway, FIELD, principal, tokens);
  const { tls } = spec;
  const access = new HttpAccess({ clock, caller, principal, readCredentials, tls, field: FIELD, url, where });

  const call = async (
    invocation: Invocation,
    signal: AbortSignal,
    more: Readonly<Record<string, string>>,
    ruleOf: (answer: HttpAnswer) => StatusRule,
  ): Promise<Reply> => {
    // Kept end to end by the gateway, and thus in its logs.
    const headers = { ...requestHeaders(invocation, {}), 'x-call-id': invocation.idempotencyKey, ...more };
    const { end, context } = await access.post(headers, invocation, signal);
    return replyOf(end, { ...context, reply, ruleOf });
  };

  const wait = (invocation: Invocation, signal: AbortSignal): Promise<Reply> => {
    // The watchdog ends the function when nobody waits for it any more.
    const leftMs = Math.max(1, Math.round(invocation.deadlineMs - clock.monotonic()));
    return call(invocation, signal, { 'x-timeout': formatDuration(leftMs) }, ruleOfOpenFaas);
  };

  const queue = async (invocation: Invocation, signal: AbortSignal): Promise<Reply> => {
    if (callbacks === undefined) return await call(invocation, signal, {}, ruleOfOpenFaasQueue);
    using expected = callbacks.expect(invocation);
    const queued = await call(invocation, signal, { 'x-callback-url': expected.url }, ruleOfOpenFaasQueue);
    if (queued.kind !== 'accepted') return queued;
    return await laterReply(clock, invocation, signal, expected, { where, reply, ruleOf: ruleOfOpenFaas });
  };

  return {
    type: 'openfaas',
    description: `openfaas ${name}`,
    maxDataBytes: spec.async ? MAX_QUEUED_BYTES : undefined,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      return spec.async ? await queue(invocation, signal) : await wait(invocation, signal);
    },
    // The connections belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
