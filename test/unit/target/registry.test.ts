import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAddressGuard } from '../../../forwarder/target/address-guard.ts';
import { Targets } from '../../../forwarder/target/registry.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { principalWith } from '../../support/principals.ts';

function targets(): Targets {
  const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
  return new Targets({ clock: new ManualClock(), guard, env: {} });
}

describe('Targets', () => {
  for (const { spec, description, maxDataBytes } of [
    {
      spec: { type: 'http', url: 'https://example.com/fn?code=k', headers: {} },
      description: 'http https://example.com/fn',
      maxDataBytes: undefined,
    },
    {
      spec: { type: 'http', url: 'http://fn.shop.svc:80/', service: 'shop/fn:80/', headers: {} },
      description: 'http shop/fn:80/',
      maxDataBytes: undefined,
    },
    {
      spec: {
        type: 'lambda',
        functionName: 'application',
        qualifier: 'live',
        invocationType: 'RequestResponse',
      },
      description: 'lambda application',
      maxDataBytes: 6 * 1024 * 1024 - 8192,
    },
    {
      spec: { type: 'lambda', functionName: 'application', invocationType: 'Event' },
      description: 'lambda application',
      maxDataBytes: 1024 * 1024 - 8192,
    },
    {
      spec: { type: 'nats', url: 'nats://nats:4222', subject: 'applications' },
      description: 'nats applications',
      maxDataBytes: undefined,
    },
    {
      spec: { type: 'kafka', brokers: ['kafka:9092'], topic: 'applications' },
      description: 'kafka applications',
      maxDataBytes: undefined,
    },
    {
      spec: { type: 'rabbitmq', url: 'amqp://rabbit', exchange: 'events', routingKey: 'applications' },
      description: 'rabbitmq events',
      maxDataBytes: undefined,
    },
  ] as const) {
    it(`makes "${description}", which takes ${maxDataBytes ?? 'any number of'} bytes`, async () => {
      await using all = targets();
      const target = all.create(spec, { reply: 'Result' }, principalWith());
      assert.deepEqual(
        { type: target.type, description: target.description, maxDataBytes: target.maxDataBytes },
        { type: spec.type, description, maxDataBytes },
      );
    });
  }
});
