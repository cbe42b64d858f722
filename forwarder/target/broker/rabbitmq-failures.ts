/** Whose failure it is when RabbitMQ does not take a message. docs/reference/hosts.md holds the same as a table. */
import { messageOf, TargetError, type TargetErrorCode, type TargetErrorDetails } from '../../lib/errors.ts';
import { connectionFailure } from './failures.ts';
import { UnroutableError } from './rabbitmq-connection.ts';

type Rule = readonly [code: TargetErrorCode, details: TargetErrorDetails];

/** By the name of the server's reply code, and `NACK` for a message that a queue did not take. */
export const RABBITMQ_ERROR_RULES: Readonly<Record<string, Rule>> = {
  NOT_FOUND: ['TARGET_NOT_FOUND', { blame: 'target', conclusive: true }],
  ACCESS_REFUSED: ['TARGET_FORBIDDEN', { blame: 'target' }],
  NOT_ALLOWED: ['TARGET_MISCONFIGURED', { blame: 'target' }],
  PRECONDITION_FAILED: ['TARGET_MISCONFIGURED', { blame: 'target' }],
  NOT_IMPLEMENTED: ['TARGET_MISCONFIGURED', { blame: 'target' }],
  RESOURCE_ERROR: ['TARGET_UNAVAILABLE', { blame: 'target' }],
  RESOURCE_LOCKED: ['TARGET_UNAVAILABLE', { blame: 'target' }],
  INTERNAL_ERROR: ['TARGET_UNAVAILABLE', { blame: 'target' }],
  CONNECTION_FORCED: ['TARGET_UNAVAILABLE', { blame: 'target' }],
  NACK: ['TARGET_UNAVAILABLE', { blame: 'target' }],
};

const TOO_LARGE = /message size (\d+) is larger than configured max size (\d+)/;

/** The server's `max_message_size`, where it has refused a message for it. */
export function sizeLimitOf(error: unknown): number | undefined {
  const limit = TOO_LARGE.exec(messageOf(error))?.[2];
  return limit === undefined ? undefined : Number(limit);
}

/** Whether the server does not let us in; of an error that ended the opening of a connection. */
export function isRabbitmqLoginRefusal(error: unknown): boolean {
  return (error as { readonly code?: unknown } | undefined)?.code === 'ACCESS_REFUSED';
}

/** What the client threw. `sent` is false where no connection came about. */
export function rabbitmqFailure(
  error: unknown,
  {
    where,
    routingKey,
    sent,
  }: { readonly where: string; readonly routingKey: string; readonly sent: boolean },
): TargetError {
  if (error instanceof TargetError) return error;
  if (error instanceof UnroutableError) {
    return new TargetError('TARGET_NOT_FOUND', `${where}: no queue takes routing key "${routingKey}"`, {
      blame: 'target',
      conclusive: true,
    });
  }
  const code = String((error as { code?: unknown } | undefined)?.code);
  // Of another message: this one was on the same channel.
  const rule = sizeLimitOf(error) === undefined ? RABBITMQ_ERROR_RULES[code] : undefined;
  if (rule === undefined) return connectionFailure(where, error, sent);
  return new TargetError(rule[0], `${where}: ${messageOf(error)}`, rule[1]);
}
