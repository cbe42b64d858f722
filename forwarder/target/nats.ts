/**
 * Target `nats`: publishes to a JetStream subject, binary mode, with the idempotency key as `Nats-Msg-Id`: a call that
 * is repeated within the stream's duplicate window is stored once.
 */
import type { Invocation } from '../model/invocation.ts';
import type { NatsTarget } from '../model/trigger.ts';
import { brokerTarget } from './broker/broker-target.ts';
import { Connections } from './broker/connections.ts';
import { tooLarge } from './broker/failures.ts';
import { commonHeaders, ENVELOPE_BYTES, prefixedAttributes } from './broker/message.ts';
import { type NatsConnection, openNatsConnection } from './broker/nats-connection.ts';
import { isNatsLoginRefusal, natsFailure, readAcknowledgement } from './broker/nats-failures.ts';
import { encodeHeaderValue } from './request-headers.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

/** NATS targets; those of one URL and login share a connection. */
export function natsTargets({ clock, guard }: TargetEnvironment): TargetMaker<NatsTarget> {
  const connections = new Connections<NatsConnection>();
  return {
    create({ url, subject, ...security }, _delivery, principal) {
      const where = `nats ${subject}`;
      let limit: number | undefined;
      return brokerTarget(
        {
          type: 'nats',
          where,
          key: url,
          security,
          connect: (credentials, signal) => openNatsConnection({ url, credentials }, guard, signal),
          isLoginRefusal: isNatsLoginRefusal,
          maxDataBytes: () => limit,
          async publish(connection, invocation) {
            const body = Buffer.from(invocation.dataJson);
            const known = limit;
            limit = connection.maxMessageBytes - ENVELOPE_BYTES;
            if (body.length > limit) throw tooLarge(where, body.length, { limit, known: known === limit });
            const answer = await connection.request(
              subject,
              body,
              messageHeaders(connection, invocation),
              invocation.timeoutMs,
            );
            readAcknowledgement(answer, where, body.length);
          },
          failure: (error, sent) => natsFailure(error, { where, subject, sent }),
        },
        { clock, connections, principal },
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(connections[Symbol.dispose]()),
  };
}

/** Values as the HTTP binding encodes them: NATS takes a line break in one for the end of the header. */
function messageHeaders(
  connection: NatsConnection,
  invocation: Invocation,
): ReturnType<NatsConnection['headers']> {
  const headers = connection.headers();
  headers.set('Nats-Msg-Id', invocation.idempotencyKey);
  headers.set('content-type', invocation.attributes.datacontenttype);
  for (const [name, value] of Object.entries(commonHeaders(invocation))) headers.set(name, value);
  for (const [name, value] of Object.entries(prefixedAttributes(invocation, 'ce-'))) {
    headers.set(name, encodeHeaderValue(value));
  }
  return headers;
}
