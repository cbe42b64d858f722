/**
 * Target `kafka`: produces to a topic, binary mode, with the object's uid as the key: all of one object is in one
 * partition, in order. `accepted` says that all in-sync replicas have it.
 */
import type { KafkaTarget } from '../model/trigger.ts';
import { brokerTarget } from './broker/broker-target.ts';
import { Connections } from './broker/connections.ts';
import { tooLarge } from './broker/failures.ts';
import { type KafkaConnection, openKafkaConnection } from './broker/kafka-connection.ts';
import { isKafkaLoginRefusal, isTooLarge, kafkaFailure } from './broker/kafka-failures.ts';
import { commonHeaders, ENVELOPE_BYTES, prefixedAttributes } from './broker/message.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

/** Kafka targets; those of the same brokers, topic and login share their connections. */
export function kafkaTargets({ clock, guard }: TargetEnvironment): TargetMaker<KafkaTarget> {
  const connections = new Connections<KafkaConnection>();
  return {
    create({ brokers, topic, ...security }, _delivery, principal) {
      const where = `kafka ${topic}`;
      const mechanism = security.auth?.basic?.mechanism;
      let limit: number | undefined;
      return brokerTarget(
        {
          type: 'kafka',
          where,
          key: [...brokers, topic].join(' '),
          security,
          connect: (credentials, signal) =>
            openKafkaConnection({ brokers, topic, mechanism, credentials }, guard, signal),
          isLoginRefusal: isKafkaLoginRefusal,
          maxDataBytes: () => limit,
          async publish(connection, invocation) {
            const { attributes } = invocation;
            const value = Buffer.from(invocation.dataJson);
            const headers = {
              'content-type': attributes.datacontenttype,
              ...commonHeaders(invocation),
              ...prefixedAttributes(invocation, 'ce_'),
            };
            try {
              await connection.send({ key: attributes.partitionkey, value, headers });
            } catch (error) {
              if (!isTooLarge(error)) throw error;
              // Asked for only now, because it needs a right that producers need not have.
              const known = limit;
              const whole = await connection.readMaxMessageBytes();
              limit = whole === undefined ? undefined : Math.max(0, whole - ENVELOPE_BYTES);
              throw tooLarge(where, value.length, { limit, known: known !== undefined && known === limit });
            }
          },
          failure: (error, sent) => kafkaFailure(error, where, sent),
        },
        { clock, connections, principal },
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(connections[Symbol.dispose]()),
  };
}
