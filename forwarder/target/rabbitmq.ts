/**
 * Target `rabbitmq`: publishes to an exchange, binary mode, persistent and confirmed. A message that no queue takes
 * would be lost, and so counts as a failure of the target.
 */
import type { Invocation } from '../model/invocation.ts';
import type { RabbitmqTarget } from '../model/trigger.ts';
import { brokerTarget } from './broker/broker-target.ts';
import { Connections } from './broker/connections.ts';
import { tooLarge } from './broker/failures.ts';
import { commonHeaders, prefixedAttributes } from './broker/message.ts';
import { openRabbitmqConnection, type RabbitmqConnection } from './broker/rabbitmq-connection.ts';
import { isRabbitmqLoginRefusal, rabbitmqFailure, sizeLimitOf } from './broker/rabbitmq-failures.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

/** RabbitMQ targets; those of one URL and login share a connection, on which each exchange and routing key has a channel. */
export function rabbitmqTargets({ clock, guard }: TargetEnvironment): TargetMaker<RabbitmqTarget> {
  const connections = new Connections<RabbitmqConnection>();
  return {
    create({ url, exchange, routingKey, ...security }, _delivery, principal) {
      const where = `rabbitmq ${exchange === '' ? routingKey : exchange}`;
      let limit: number | undefined;
      return brokerTarget(
        {
          type: 'rabbitmq',
          where,
          key: url,
          security,
          connect: (credentials, signal) => openRabbitmqConnection({ url, credentials }, guard, signal),
          isLoginRefusal: isRabbitmqLoginRefusal,
          maxDataBytes: () => limit,
          async publish(connection, invocation) {
            const body = Buffer.from(invocation.dataJson);
            const known = limit;
            try {
              await connection.publish({ exchange, routingKey, ...propertiesOf(invocation) }, body);
            } catch (error) {
              limit = sizeLimitOf(error) ?? limit;
              if (sizeLimitOf(error) === undefined || limit === undefined || body.length <= limit)
                throw error;
              throw tooLarge(where, body.length, { limit, known: known === limit });
            }
          },
          failure: (error, sent) => rabbitmqFailure(error, { where, routingKey, sent }),
          silence: ({ blocked }) => blocked,
        },
        { clock, connections, principal },
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(connections[Symbol.dispose]()),
  };
}

/** The AMQP binding's application properties are the headers of AMQP 0-9-1, which RabbitMQ speaks. */
function propertiesOf(invocation: Invocation): {
  readonly messageId: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  return {
    messageId: invocation.idempotencyKey,
    contentType: invocation.attributes.datacontenttype,
    headers: { ...commonHeaders(invocation), ...prefixedAttributes(invocation, 'cloudEvents_') },
  };
}
