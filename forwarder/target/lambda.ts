/**
 * Target `lambda`: invokes a function by the AWS SDK, which is loaded by the first call.
 *
 * `RequestResponse` waits for the function and takes what it returns as the result; `Event` leaves the event with
 * Lambda's own queue, and the result comes by a callback, or stays unknown where the forwarder takes none. One call is
 * one request: the SDK repeats nothing.
 */
import type { InvokeCommandInput, InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { formatDuration } from '../../protocol/duration.ts';
import { TargetError } from '../lib/errors.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Principal } from '../model/principal.ts';
import type { Reply, Target } from '../model/target.ts';
import type { LambdaTarget } from '../model/trigger.ts';
import { type CallStop, limitCall, refuseLate } from './call-limit.ts';
import { refuseInClear } from './confidential.ts';
import { timeoutAdvice } from './lambda-advice.ts';
import { LambdaCall } from './lambda-call.ts';
import { LambdaClients, type LambdaSdk, loadLambdaSdk } from './lambda-clients.ts';
import { functionFailure } from './lambda-errors.ts';
import { clientContext, structuredEvent } from './lambda-event.ts';
import { lambdaIdentity } from './lambda-identity.ts';
import { accountOfFunction, accountOfRole, regionOfFunction } from './lambda-name.ts';
import { isOfAccount, LambdaThrottles } from './lambda-throttles.ts';
import { laterReply } from './later-reply.ts';
import { sdkFailure } from './sdk-failures.ts';
import type { TargetDelivery, TargetEnvironment, TargetMaker } from './target-maker.ts';
import { decodeUtf8 } from './utf8.ts';

/** What Lambda takes as the payload of one call. */
const MAX_PAYLOAD_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 };
/** Left for the attributes; Kubernetes names and our own ids stay far below. */
const ATTRIBUTE_BYTES = 8 * 1024;

interface Shared {
  readonly clients: LambdaClients;
  readonly throttles: LambdaThrottles;
}

/** Lambda targets on one set of clients. */
export function lambdaTargets(environment: TargetEnvironment): TargetMaker<LambdaTarget> {
  const clients = new LambdaClients();
  const throttles = new LambdaThrottles(environment.clock);
  return {
    create: (spec, delivery, principal) =>
      createLambdaTarget(spec, delivery, principal, environment, { clients, throttles }),
    [Symbol.asyncDispose]: () => Promise.resolve(clients[Symbol.dispose]()),
  };
}

function createLambdaTarget(
  spec: LambdaTarget,
  { reply }: TargetDelivery,
  principal: Principal,
  { clock, env, guard, callbacks }: TargetEnvironment,
  { clients, throttles }: Shared,
): Target {
  const where = `lambda ${spec.functionName}`;

  const clientFor = (sdk: LambdaSdk): LambdaClient => {
    const region = regionOf(spec, env);
    return clients.client(sdk, region, lambdaIdentity(sdk, spec, principal, region));
  };
  const send = async (
    invocation: Invocation,
    call: LambdaCall,
    callbackUrl: string | undefined,
  ): Promise<InvokeCommandOutput> => {
    const sdk = await loadLambdaSdk();
    const command = new sdk.InvokeCommand(invokeInput(spec, invocation, reply, callbackUrl));
    call.watch(command, (to) => refuseInClear(invocation, to, guard));
    return await clientFor(sdk).send(command, { abortSignal: call.signal });
  };

  /** One call of the API. */
  const request = async (
    invocation: Invocation,
    signal: AbortSignal,
    callbackUrl: string | undefined,
  ): Promise<Reply> => {
    const limit = throttleKey(spec, principal, regionOf(spec, env));
    throttles.check(limit, where);
    const call = new LambdaCall();
    // Raced, because the SDK does not look at its signal while it fetches credentials.
    const stopped = Promise.withResolvers<CallStop>();
    using _limit = limitCall(clock, invocation, signal, stopped.resolve);
    const sent = send(invocation, call, callbackUrl).then(
      (output) => ({ output }),
      (error: unknown) => ({ error }),
    );
    const end = await Promise.race([sent, stopped.promise]);
    if (end === 'stopped' || end === 'deadline') {
      call.stop();
      throw end === 'stopped' ? signal.reason : outOfTime(where, invocation, call.requested);
    }
    if ('error' in end) {
      const failure = sdkFailure(end.error, { where, nowMs: clock.now() });
      if (failure.code === 'TARGET_THROTTLED' && isOfAccount(end.error)) {
        throttles.throttled(limit, failure.retryAfterMs);
      }
      throw failure;
    }
    throttles.passed(limit);
    return replyOfOutput(end.output, where, reply);
  };

  return {
    type: 'lambda',
    description: where,
    maxDataBytes: MAX_PAYLOAD_BYTES[spec.invocationType] - ATTRIBUTE_BYTES,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      if (spec.invocationType === 'RequestResponse' || callbacks === undefined) {
        return await request(invocation, signal, undefined);
      }
      using expected = callbacks.expect(invocation);
      const queued = await request(invocation, signal, expected.url);
      if (queued.kind !== 'accepted') return queued;
      return await laterReply(clock, invocation, signal, expected, { where, reply });
    },
    advise: (timeoutMs, signal) =>
      timeoutAdvice(async () => {
        const sdk = await loadLambdaSdk();
        const { functionName: FunctionName, qualifier: Qualifier } = spec;
        const command = new sdk.GetFunctionConfigurationCommand({
          FunctionName,
          ...(Qualifier !== undefined && { Qualifier }),
        });
        return await clientFor(sdk).send(command, { abortSignal: signal });
      }, timeoutMs),
    // The clients belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Triggers that share a limit of AWS. */
function throttleKey({ functionName, roleArn }: LambdaTarget, { name }: Principal, region: string): string {
  const own = roleArn === undefined ? 'own' : (accountOfRole(roleArn) ?? name);
  return `${accountOfFunction(functionName) ?? own}/${region}`;
}

function invokeInput(
  spec: LambdaTarget,
  invocation: Invocation,
  reply: TargetDelivery['reply'],
  callbackUrl: string | undefined,
): InvokeCommandInput {
  return {
    FunctionName: spec.functionName,
    InvocationType: spec.invocationType,
    ...(spec.qualifier !== undefined && { Qualifier: spec.qualifier }),
    ...(spec.invocationType === 'RequestResponse' && {
      ClientContext: clientContext(invocation, reply),
    }),
    Payload: Buffer.from(structuredEvent(invocation, callbackUrl)),
  };
}

/** The function's own region, as its ARN says it, before any other. */
function regionOf({ functionName, region }: LambdaTarget, env: TargetEnvironment['env']): string {
  const known = regionOfFunction(functionName) ?? region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (known !== undefined && known !== '') return known;
  throw new TargetError(
    'TARGET_MISCONFIGURED',
    `lambda ${functionName}: no region; set target.lambda.region, or AWS_REGION for the forwarder`,
    { blame: 'target', conclusive: true },
  );
}

function outOfTime(where: string, { timeoutMs }: Invocation, requested: boolean): TargetError {
  const within = formatDuration(timeoutMs);
  return requested
    ? new TargetError('TARGET_TIMEOUT', `no answer from ${where} within ${within}`, { blame: 'delivery' })
    : new TargetError('TARGET_MISCONFIGURED', `${where}: AWS credentials did not come within ${within}`, {
        blame: 'target',
        conclusive: true,
      });
}

function replyOfOutput(
  { StatusCode, FunctionError, Payload }: InvokeCommandOutput,
  where: string,
  reply: TargetDelivery['reply'],
): Reply {
  const text = decodeUtf8(Payload ?? new Uint8Array());
  if (FunctionError !== undefined) throw functionFailure(text ?? '', where);
  if (StatusCode === 202) return { kind: 'accepted' };
  if (reply === 'Ignore' || text === '') return { kind: 'empty' };
  if (text !== undefined) return { kind: 'body', text };
  throw new TargetError('TARGET_BAD_REPLY', `${where} answered with what is not UTF-8`, {
    blame: 'delivery',
  });
}
