import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { toExpress } from '@statewire/functions/express';
import { toHttp } from '@statewire/functions/http';
import { toLambda, type LambdaHandler } from '@statewire/functions/lambda';
import { testFunction } from '@statewire/functions/testing';
import express from 'express';
import type { StructuredEvent } from '../../protocol/event.ts';
import type { FunctionResult } from '../../protocol/result.ts';
import { binaryForm, functionEvent, type EventSketch } from '../../test/support/function-events.ts';
import { application } from './application.ts';
import { reconcile } from './reconcile.ts';

const shop = {
  apiVersion: 'example.com/v1',
  kind: 'Application',
  metadata: { name: 'shop', namespace: 'demo', uid: 'uid-1', generation: 1 },
  spec: { image: 'registry.example.com/shop:1', replicas: 3, port: 8080 },
};
const children = { 'Deployment.apps/v1': {}, 'Service.v1': {} };
const stamp = { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' };

const rows: readonly { reason: string; sketch: EventSketch; expected: unknown }[] = [
  {
    reason: 'a new Application',
    sketch: { object: shop, data: { children } },
    expected: reconcile(shop, children),
  },
  {
    reason: 'an Application whose child changed',
    sketch: { type: 'Updated', object: shop, data: { children, reason: 'Child' } },
    expected: reconcile(shop, children),
  },
  {
    reason: 'a deletion',
    sketch: { type: 'Deleted', object: shop, data: { reason: 'Deleted' } },
    expected: { ...stamp, apply: [] },
  },
  {
    reason: 'an Application that left the selection',
    sketch: { type: 'Deleted', object: shop, data: { reason: 'LeftScope' } },
    expected: stamp,
  },
  {
    reason: 'a deletion that nobody saw',
    sketch: {
      type: 'Deleted',
      object: { ...shop, spec: undefined },
      data: { reason: 'GoneWhileAway', final: 'unknown' },
    },
    expected: stamp,
  },
  {
    reason: 'a spec that no schema let pass',
    sketch: { object: { ...shop, spec: { ...shop.spec, replicas: -1 } } },
    expected: {
      ...stamp,
      error: { message: 'spec.replicas: Too small: expected number to be >=0', retryable: false },
    },
  },
];

/** A text, since the compiler knows no types of it. */
const BUNDLE: string = '../../dist/functions/application.mjs';

/** Sends an event to one host and reads its answer. */
type Send = (event: StructuredEvent) => Promise<unknown>;
const quiet = { writeLog: () => undefined };

function lambda(handler: LambdaHandler): Send {
  // As the runtime does it: what leaves is JSON.
  return async (event) =>
    JSON.parse(JSON.stringify(await handler(event, { clientContext: { custom: { idempotencyKey: 'k' } } })));
}

const servers = new Set<ReturnType<typeof createServer>>();
after(() => servers.forEach((server) => server.close()));

function http(listener: RequestListener): Send {
  let url: Promise<string> | undefined;
  const listen = async (): Promise<string> => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    servers.add(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  return async (event) => {
    url ??= listen();
    const { headers, body } = binaryForm(event);
    const response = await fetch(await url, {
      method: 'POST',
      headers: { ...headers, connection: 'close' },
      body,
    });
    const result = (await response.json()) as FunctionResult;
    assert.equal(response.status, result.error === undefined ? 200 : 422);
    return result;
  };
}

const hosts: Record<string, Send> = {
  toLambda: lambda(toLambda(application, quiet)),
  toHttp: http(toHttp(application, quiet)),
  toExpress: http(express().use(toExpress(application, quiet))),
};

describe('the application function', () => {
  before(async () => {
    const bundle = (await import(BUNDLE)) as {
      handler: LambdaHandler;
    };
    hosts['the bundle that Lambda gets'] = lambda(bundle.handler);
  });

  for (const host of ['toLambda', 'toHttp', 'toExpress', 'the bundle that Lambda gets']) {
    for (const { reason, sketch, expected } of rows) {
      it(`answers ${reason} alike by ${host}`, async () => {
        const event = functionEvent({
          ...sketch,
          attributes: { kind: 'Application', trigger: 'demo/application' },
        });
        assert.deepEqual(await hosts[host]?.(JSON.parse(JSON.stringify(event)) as StructuredEvent), expected);
      });
    }
  }

  for (const host of ['openfaas', 'knative', 'cloud-function', 'azure', 'fetch'] as const) {
    for (const { reason, sketch, expected } of rows) {
      it(`answers ${reason} alike on ${host}`, async () => {
        const { result } = await testFunction(application, { host }).send(functionEvent(sketch));
        assert.deepEqual(result, expected);
      });
    }
  }
});
