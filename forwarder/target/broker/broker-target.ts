/**
 * What the broker targets have in common: one call is one message, and done once the broker has acknowledged that it
 * keeps it. What consumers make of it nobody tells us, so the reply is `accepted`.
 */
import { formatDuration } from '../../../protocol/duration.ts';
import type { Clock } from '../../lib/clock.ts';
import { TargetError } from '../../lib/errors.ts';
import type { Invocation } from '../../model/invocation.ts';
import type { Principal } from '../../model/principal.ts';
import type { Target } from '../../model/target.ts';
import { type CallStop, limitCall, refuseLate } from '../call-limit.ts';
import type { BrokerConnection, Connections } from './connections.ts';
import { type BrokerCredentials, brokerCredentials, type BrokerSecurity } from './credentials.ts';
import { hideSecretsOf, logIn } from './log-in.ts';

export interface BrokerTargetOptions<C extends BrokerConnection> {
  readonly type: string;
  /** For people, and in every message. Holds no credentials. */
  readonly where: string;
  /** What a connection is shared by, among those that log in with the same Secrets. */
  readonly key: string;
  readonly security: BrokerSecurity;
  readonly connect: (credentials: BrokerCredentials, signal: AbortSignal) => Promise<C>;
  /** Whether the broker does not let us in, by what `connect` threw. */
  readonly isLoginRefusal: (error: unknown) => boolean;
  /** Largest `data` in bytes, as far as the broker has told. */
  readonly maxDataBytes: () => number | undefined;
  /** Resolves once the broker has acknowledged the message. */
  readonly publish: (connection: C, invocation: Invocation) => Promise<void>;
  /** What went wrong, whatever `connect` or `publish` threw. `sent` is false where no connection came about. */
  readonly failure: (error: unknown, sent: boolean) => TargetError;
  /** Why a connection does not answer, where the broker has told; then the failure is the target's. */
  readonly silence?: (connection: C) => string | undefined;
}

/** A Target that shares its connection with all others of the same key. */
export function brokerTarget<C extends BrokerConnection>(
  options: BrokerTargetOptions<C>,
  {
    clock,
    connections,
    principal,
  }: { readonly clock: Clock; readonly connections: Connections<C>; readonly principal: Principal },
): Target {
  const { type, where, security, connect, isLoginRefusal } = options;
  const credentials = brokerCredentials(type, security, principal);
  const key = `${options.key} ${credentials.id}`;
  const open = logIn({ where, credentials, connect, isLoginRefusal });
  const use = connections.use(key);
  return {
    type,
    description: where,
    get maxDataBytes() {
      return options.maxDataBytes();
    },
    async invoke(invocation, signal) {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      using lease = connections.lease(key, open);
      const stopped = Promise.withResolvers<CallStop>();
      using _limit = limitCall(clock, invocation, signal, stopped.resolve);
      const call: { sentOn?: C; over: boolean } = { over: false };
      const send = async (): Promise<void> => {
        const connection = await lease.connection;
        // A message that left after its call was over could come behind a newer one.
        if (call.over) return;
        call.sentOn = connection;
        await options.publish(connection, invocation);
      };
      const sent = send().then(
        () => 'acknowledged' as const,
        (error: unknown) => ({ error }),
      );
      const end = await Promise.race([sent, stopped.promise]);
      call.over = true;
      if (end === 'acknowledged') return { kind: 'accepted' };
      if (end === 'stopped' || end === 'deadline') {
        // An answer that comes later must not meet another call, and a connection may have died unheard.
        lease.giveUp();
        throw end === 'stopped' ? signal.reason : outOfTime(options, invocation, call.sentOn);
      }
      if (call.sentOn !== undefined) hideSecretsOf(call.sentOn, end.error);
      throw options.failure(end.error, call.sentOn !== undefined);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(use[Symbol.dispose]()),
  };
}

function outOfTime<C extends BrokerConnection>(
  { where, silence }: BrokerTargetOptions<C>,
  { timeoutMs }: Invocation,
  sentOn: C | undefined,
): TargetError {
  const within = formatDuration(timeoutMs);
  if (sentOn === undefined) {
    return new TargetError('TARGET_UNREACHABLE', `no connection to ${where} within ${within}`, {
      blame: 'target',
      conclusive: true,
    });
  }
  const why = silence?.(sentOn);
  return why === undefined
    ? new TargetError('TARGET_TIMEOUT', `no acknowledgement from ${where} within ${within}`, {
        blame: 'delivery',
      })
    : new TargetError('TARGET_UNAVAILABLE', `${where}: ${why}`, { blame: 'target' });
}
