/**
 * Target `lambda`: invokes a function by the AWS SDK, which is loaded by the first call.
 *
 * `RequestResponse` waits for the function and takes what it returns as the result; `Event` leaves the event with
 * Lambda's own queue, so that its outcome stays unknown. One call is one request: the SDK repeats nothing.
 */
import type { InvokeCommandInput, InvokeCommandOutput } from '@aws-sdk/client-lambda';
import { formatDuration } from '../../protocol/duration.ts';
import { TargetError } from '../lib/errors.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Reply, Target } from '../model/target.ts';
import type { LambdaTarget } from '../model/trigger.ts';
import { type CallStop, limitCall, refuseLate } from './call-limit.ts';
import { LambdaCall } from './lambda-call.ts';
import { LambdaClients, loadLambdaSdk } from './lambda-clients.ts';
import { functionFailure } from './lambda-errors.ts';
import { clientContext, structuredEvent } from './lambda-event.ts';
import { regionOfFunction } from './lambda-name.ts';
import { sdkFailure } from './sdk-failures.ts';
import type { TargetDelivery, TargetEnvironment, TargetMaker } from './target-maker.ts';
import { decodeUtf8 } from './utf8.ts';

/** What Lambda takes as the payload of one call. */
const MAX_PAYLOAD_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 };
/** Left for the attributes; Kubernetes names and our own ids stay far below. */
const ATTRIBUTE_BYTES = 8 * 1024;

/** Lambda targets on one set of clients. */
export function lambdaTargets(environment: TargetEnvironment): TargetMaker<LambdaTarget> {
  const clients = new LambdaClients();
  return {
    create: (spec, delivery) => createLambdaTarget(spec, delivery, environment, clients),
    [Symbol.asyncDispose]: () => Promise.resolve(clients[Symbol.dispose]()),
  };
}

function createLambdaTarget(
  spec: LambdaTarget,
  { reply }: TargetDelivery,
  { clock, env }: TargetEnvironment,
  clients: LambdaClients,
): Target {
  const where = `lambda ${spec.functionName}`;

  const send = async (invocation: Invocation, call: LambdaCall): Promise<InvokeCommandOutput> => {
    const sdk = await loadLambdaSdk();
    const command = new sdk.InvokeCommand(invokeInput(spec, invocation));
    call.watch(command);
    return await clients.client(sdk, regionOf(spec, env)).send(command, { abortSignal: call.signal });
  };

  return {
    type: 'lambda',
    description: where,
    maxDataBytes: MAX_PAYLOAD_BYTES[spec.invocationType] - ATTRIBUTE_BYTES,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      const call = new LambdaCall();
      // Raced, because the SDK does not look at its signal while it fetches credentials.
      const stopped = Promise.withResolvers<CallStop>();
      using _limit = limitCall(clock, invocation, signal, stopped.resolve);
      const sent = send(invocation, call).then(
        (output) => ({ output }),
        (error: unknown) => ({ error }),
      );
      const end = await Promise.race([sent, stopped.promise]);
      if (end === 'stopped' || end === 'deadline') {
        call.stop();
        throw end === 'stopped' ? signal.reason : outOfTime(where, invocation, call.requested);
      }
      if ('error' in end) throw sdkFailure(end.error, { where, nowMs: clock.now() });
      return replyOfOutput(end.output, where, reply);
    },
    // The clients belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function invokeInput(spec: LambdaTarget, invocation: Invocation): InvokeCommandInput {
  return {
    FunctionName: spec.functionName,
    InvocationType: spec.invocationType,
    ...(spec.qualifier !== undefined && { Qualifier: spec.qualifier }),
    ...(spec.invocationType === 'RequestResponse' && { ClientContext: clientContext(invocation) }),
    Payload: Buffer.from(structuredEvent(invocation)),
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
