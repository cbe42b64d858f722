import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  createServer,
  request,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import express from 'express';
import * as z from 'zod';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import { defineFunction, type StatewireFunction } from '../../../functions/sdk/define-function.ts';
import { permanent } from '../../../functions/sdk/errors.ts';
import { toExpress } from '../../../functions/sdk/express.ts';
import { toHttp, type HttpOptions } from '../../../functions/sdk/http.ts';
import { binaryForm, functionEvent, widget } from '../../support/function-events.ts';

const Widget = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({ size: z.number() }),
});
const fn: StatewireFunction = defineFunction(Widget, {
  created: ({ object, idempotencyKey, attempt }) => ({
    status: { size: object.spec.size, idempotencyKey, attempt },
  }),
  updated: () => {
    throw new Error('boom');
  },
  deleted: () => {
    throw permanent('never');
  },
});
const options: HttpOptions = { maxBodyBytes: 2000, writeLog: () => undefined };
const stamp = { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' };

const open: Disposable[] = [];
after(() => open.forEach((one) => one[Symbol.dispose]()));

/** A server on a free port of loopback until the file is through. */
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

async function send(port: number, { method = 'POST', headers = {}, body }: Sent) {
  const outgoing = request({ port, host: '127.0.0.1', method, headers, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const hosts: readonly { name: string; listen: () => RequestListener }[] = [
  { name: 'toHttp', listen: () => toHttp(fn, options) },
  {
    name: 'toExpress',
    listen: () => express().post('/', toExpress(fn, options)).use(toExpress(fn, options)),
  },
  {
    name: 'toExpress after express.json()',
    listen: () => express().use(express.json()).use(toExpress(fn, options)),
  },
  {
    name: 'toExpress after express.text()',
    listen: () =>
      express()
        .use(express.text({ type: '*/*' }))
        .use(toExpress(fn, options)),
  },
  {
    name: 'toExpress after express.raw()',
    listen: () =>
      express()
        .use(express.raw({ type: '*/*' }))
        .use(toExpress(fn, options)),
  },
];

for (const { name, listen } of hosts) {
  describe(name, () => {
    const port = serve(listen());
    const binary = binaryForm(functionEvent());

    it('answers an event in binary mode', async () => {
      const { status, headers, body } = await send(await port, {
        ...binary,
        headers: { ...binary.headers, 'idempotency-key': 'key-1', 'ce-statewireattempt': '3' },
      });
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/json');
      assert.deepEqual(JSON.parse(body), {
        ...stamp,
        status: { size: 1, idempotencyKey: 'key-1', attempt: 3 },
      });
    });

    it('answers an event in structured mode', async () => {
      const { status, body } = await send(await port, {
        headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
        body: JSON.stringify(functionEvent()),
      });
      assert.equal(status, 200);
      assert.equal((JSON.parse(body) as { status: { size: number } }).status.size, 1);
    });

    it('answers an error of the handler with 500 and a result that says so', async () => {
      const { status, body } = await send(await port, binaryForm(functionEvent({ type: 'Updated' })));
      assert.equal(status, 500);
      assert.deepEqual(JSON.parse(body), { ...stamp, error: { message: 'boom', retryable: true } });
    });

    it('answers a permanent error with 422', async () => {
      const { status, body } = await send(await port, binaryForm(functionEvent({ type: 'Deleted' })));
      assert.equal(status, 422);
      assert.deepEqual(JSON.parse(body), { ...stamp, error: { message: 'never', retryable: false } });
    });

    const json = { 'content-type': 'application/json' };
    const structured = { 'content-type': 'application/cloudevents+json' };
    const refused: readonly (Sent & { reason: string; status: number })[] = [
      { reason: 'JSON that is no CloudEvent', status: 400, headers: json, body: '{}' },
      { reason: 'a structured event without attributes', status: 400, headers: structured, body: '{}' },
      { reason: 'a GET', status: 405, method: 'GET' },
      {
        reason: 'plain text',
        status: 415,
        headers: { ...binary.headers, 'content-type': 'text/plain' },
        body: '{}',
      },
      {
        reason: 'a batch',
        status: 415,
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: '[]',
      },
      {
        reason: 'an event of another kind',
        status: 422,
        ...binaryForm(functionEvent({ object: widget({}, { kind: 'Gadget' }) })),
      },
      {
        reason: "somebody else's event",
        status: 422,
        ...binaryForm(functionEvent({ attributes: { type: 'a.b' as never } })),
      },
    ];
    for (const { reason, status, ...sent } of refused) {
      it(`refuses ${reason} with ${status} and a permanent error`, async () => {
        const answer = await send(await port, sent);
        assert.equal(answer.status, status);
        const { error } = JSON.parse(answer.body) as { error: { message: string; retryable: boolean } };
        assert.equal(error.retryable, false);
        assert.notEqual(error.message, '');
      });
    }
  });
}

describe('toHttp', () => {
  const port = serve(toHttp(fn, options));
  const json = { 'content-type': 'application/json', 'ce-specversion': '1.0' };

  it('names the methods it takes when it refuses one', async () => {
    assert.equal((await send(await port, { method: 'DELETE' })).headers['allow'], 'POST, OPTIONS');
  });

  it('agrees to the handshake of CloudEvents webhooks', async () => {
    const { status, headers } = await send(await port, {
      method: 'OPTIONS',
      headers: { 'webhook-request-origin': 'eventemitter.example.com' },
    });
    assert.deepEqual(
      [status, headers['webhook-allowed-origin'], headers['webhook-allowed-rate']],
      [200, 'eventemitter.example.com', '*'],
    );
  });

  it('answers OPTIONS of others without a consent', async () => {
    const { status, headers } = await send(await port, { method: 'OPTIONS' });
    assert.deepEqual([status, headers['webhook-allowed-origin']], [200, undefined]);
  });

  it('refuses a body that is announced as too large, before it is sent', async () => {
    const socket = connect(await port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nce-specversion: 1.0\r\ncontent-length: 2001\r\n\r\n',
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('refuses a body that turns out too large, and lets the caller read why', async () => {
    const outgoing = request({
      port: await port,
      host: '127.0.0.1',
      method: 'POST',
      headers: json,
      agent: false,
    });
    for (let sent = 0; sent < 50; sent++) outgoing.write(' '.repeat(100));
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 413);
    assert.match(await text(response), /larger than 2000 bytes/);
  });

  it('takes a body of exactly the limit', async () => {
    const event = JSON.stringify(functionEvent());
    const { status } = await send(await port, {
      headers: { 'content-type': 'application/cloudevents+json' },
      body: event.padEnd(2000, ' '),
    });
    assert.equal(status, 200);
  });

  it('refuses a compressed body', async () => {
    const answer = await send(await port, { headers: { ...json, 'content-encoding': 'gzip' }, body: 'x' });
    assert.equal(answer.status, 415);
  });

  it('refuses an event without a body', async () => {
    assert.equal((await send(await port, { headers: binaryForm(functionEvent()).headers })).status, 400);
  });

  it('refuses a body that is not JSON', async () => {
    const answer = await send(await port, { headers: json, body: '{"object":' });
    assert.deepEqual(
      [answer.status, JSON.parse(answer.body)],
      [400, { ...stamp, error: { message: 'the body is not JSON', retryable: false } }],
    );
  });

  it('decodes attributes as the CloudEvents binding says, and takes others as they are', async () => {
    const seen: string[] = [];
    const spy = defineFunction(Widget, { created: ({ event }) => void seen.push(event.source) });
    const spyPort = await serve(toHttp(spy, options));
    for (const source of ['a%20b%E2%82%AC', '100%']) {
      const { headers, body } = binaryForm(functionEvent());
      assert.equal((await send(spyPort, { headers: { ...headers, 'ce-source': source }, body })).status, 200);
    }
    assert.deepEqual(seen, ['a b€', '100%']);
  });

  it('answers a failure of its own with 500, and logs it', async () => {
    const lines: string[] = [];
    const broken: HttpOptions = {
      clock: {
        now: () => {
          throw new Error('no time');
        },
        after: () => ({ cancel: () => undefined }),
      },
      writeLog: (line) => lines.push(line),
    };
    const answer = await send(await serve(toHttp(fn, broken)), binaryForm(functionEvent()));
    assert.deepEqual(
      [answer.status, JSON.parse(answer.body)],
      [500, { ...stamp, error: { message: 'internal error', retryable: true } }],
    );
    assert.match(lines[0] ?? '', /no time/);
  });

  it('aborts the signal when the caller hangs up', async () => {
    const aborted = Promise.withResolvers<unknown>();
    const started = Promise.withResolvers<void>();
    const slow = defineFunction(Widget, {
      created: ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        started.resolve();
        return aborted.promise.then(() => undefined);
      },
    });
    const { headers, body } = binaryForm(functionEvent());
    const outgoing = request({
      port: await serve(toHttp(slow, options)),
      host: '127.0.0.1',
      method: 'POST',
      headers,
      agent: false,
    });
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    await started.promise;
    outgoing.destroy();
    assert.equal(((await aborted.promise) as Error).message, 'the caller hung up');
  });
});
