/**
 * What the broker targets have in common: one call is one message, and done once the broker has acknowledged that it
 * keeps it. What consumers make of it nobody tells us, so the reply is `accepted`.
 */
import { formatDuration } from '../../../protocol/duration.ts';
import type { Clock } from '../../lib/clock.ts';
import { TargetError } from '../../lib/errors.ts';
import type { Invocation } from '../../model/invocation.ts';
import type { Target } from '../../model/target.ts';
import { type CallStop, limitCall, refuseLate } from '../call-limit.ts';
import type { BrokerConnection, Connections, OpenConnection } from './connections.ts';

export interface BrokerTargetOptions<C extends BrokerConnection> {
  readonly type: string;
  /** For people, and in every message. Holds no credentials. */
  readonly where: string;
  /** What a connection is shared by. */
  readonly key: string;
  readonly open: OpenConnection<C>;
  /** Largest `data` in bytes, as far as the broker has told. */
  readonly maxDataBytes: () => number | undefined;
  /** Resolves once the broker has acknowledged the message. */
  readonly publish: (connection: C, invocation: Invocation) => Promise<void>;
  /** What went wrong, whatever `open` or `publish` threw. `sent` is false where no connection came about. */
  readonly failure: (error: unknown, sent: boolean) => TargetError;
  /** Why a connection does not answer, where the broker has told; then the failure is the target's. */
  readonly silence?: (connection: C) => string | undefined;
}

/** A Target that shares its connection with all others of the same key. */
export function brokerTarget<C extends BrokerConnection>(
  options: BrokerTargetOptions<C>,
  { clock, connections }: { readonly clock: Clock; readonly connections: Connections<C> },
): Target {
  const { type, where, key, open } = options;
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
