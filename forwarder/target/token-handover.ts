/**
 * `payload.token`: each event carries how its function reaches the API server, with a token of the trigger's
 * ServiceAccount. It is asked for anew by every call, which goes over TLS or not at all (confidential.ts), and is taken
 * out of whatever comes back.
 */
import type { Clock } from '../lib/clock.ts';
import { TargetError } from '../lib/errors.ts';
import type { Invocation } from '../model/invocation.ts';
import type { ApiAccess, Principal } from '../model/principal.ts';
import type { Reply, Target } from '../model/target.ts';
import type { TargetSpec } from '../model/trigger.ts';
import { borrowWithin, refuseLate } from './call-limit.ts';

const FIELD = 'spec.payload.token';
/** Left of a host's limit for token and certificate authorities, which take a few thousand. */
const ACCESS_BYTES = 64 * 1024;
/** By so much a token is known where a message was cut within it. */
const BEGINNING = 24;

/** Whether nobody but the function reads what is sent there, and nothing keeps it. */
export function mayHandOver(spec: TargetSpec): boolean {
  switch (spec.type) {
    case 'http':
    case 'knative':
      return true;
    case 'lambda':
      return spec.invocationType === 'RequestResponse';
    case 'openfaas':
      return !spec.async;
    case 'nats':
    case 'kafka':
    case 'rabbitmq':
    case 'file':
      return false;
  }
}

/** The same target, whose function gets a token with each event. */
export function handingOver(
  target: Target,
  readAccess: NonNullable<Principal['access']>,
  { clock }: { readonly clock: Clock },
): Target {
  const advise = target.advise?.bind(target);
  return {
    type: target.type,
    description: target.description,
    get maxDataBytes() {
      return target.maxDataBytes === undefined ? undefined : target.maxDataBytes - ACCESS_BYTES;
    },
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      const reading = readAccess(invocation.timeoutMs, { field: FIELD });
      const access = await borrowWithin(clock, invocation, signal, reading, target.description);
      try {
        const reply = await target.invoke(withAccess(invocation, access), signal);
        return reply.kind === 'body' ? { ...reply, text: redacted(reply.text, access.token) } : reply;
      } catch (error) {
        throw error instanceof TargetError ? withoutToken(error, access.token) : error;
      }
    },
    ...(advise !== undefined && { advise }),
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}

/** `data` is an object and never empty. */
function withAccess(invocation: Invocation, access: ApiAccess): Invocation {
  const dataJson = `${invocation.dataJson.slice(0, -1)},"access":${JSON.stringify(access)}}`;
  return { ...invocation, dataJson, confidentialBy: FIELD };
}

function redacted(text: string, token: string): string {
  return text.replaceAll(token, '[redacted]');
}

/** A message may repeat what the function was sent, and be cut in the middle of it. */
function withoutToken(error: TargetError, token: string): TargetError {
  const [before = '', ...parts] = redacted(error.message, token).split(token.slice(0, BEGINNING));
  const message = [before, ...parts.map((part) => `[redacted]${part.replace(/^[\w.~+/=-]+/, '')}`)].join('');
  if (message === error.message) return error;
  const { code, blame, permanent, suspect, conclusive, retryAfterMs, minWaitMs } = error;
  return new TargetError(code, message, {
    blame,
    permanent,
    suspect,
    conclusive,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    minWaitMs,
  });
}
