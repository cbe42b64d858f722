/** Results that come later, through a whole forwarder: OpenFaaS async behind a stand-in of the gateway and its queue. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startBench } from '../support/widgets.ts';

interface Queued {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly name: string;
}

/** Answers 202 to everything and remembers it, as the gateway does for its queue. */
async function startGateway(t: TestContext): Promise<{ readonly url: string; readonly queue: Queued[] }> {
  const queue: Queued[] = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { url: path = '', headers } = request;
      queue.push({ path, headers, name: String(headers['ce-name']) });
      response.writeHead(202, { 'x-call-id': String(headers['x-call-id']) }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, queue };
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What the queue worker does when the function has answered. */
function report({ headers }: Queued, status: number, result: unknown): Promise<Response> {
  return fetch(String(headers['x-callback-url']), {
    method: 'POST',
    headers: { 'x-function-status': String(status), 'content-type': 'application/json' },
    body: JSON.stringify(result),
  });
}

describe('A function that is only queued', () => {
  it('reports its result by callback: it is applied, a failure is called again, a deletion is waited for', async (t) => {
    const { url: gateway, queue } = await startGateway(t);
    const address = `127.0.0.1:${await freePort()}`;
    const bench = await startBench(t, {
      args: ['--callback-address', address, '--callback-url', `http://${address}`],
    });
    await bench.trigger({
      spec: {
        target: { openfaas: { name: 'widget', gateway, async: true } },
        delivery: { backoff: { initial: '100ms', max: '1s' } },
        finalizer: true,
      },
    });
    await bench.widgets({ name: 'one' });
    await eventually('it is queued', () => queue.length === 1);
    const [first] = queue;
    assert.ok(first);
    assert.equal(first.path, '/async-function/widget');

    assert.equal((await report(first, 500, 'boom')).status, 204);
    await eventually('it is queued again', () => queue.length === 2);
    const second = queue[1];
    assert.ok(second);
    assert.equal(second.headers['ce-id'], first.headers['ce-id']);
    assert.equal(second.headers['ce-statewireattempt'], '2');
    assert.notEqual(second.headers['x-callback-url'], first.headers['x-callback-url']);
    assert.equal(
      (await report(first, 200, { kind: 'FunctionResult', status: { phase: 'Late' } })).status,
      410,
    );

    const result = { kind: 'FunctionResult', status: { phase: 'Ready' } };
    assert.equal((await report(second, 200, result)).status, 204);
    assert.equal((await report(second, 200, result)).status, 410);
    await eventually('its status is applied', async () => {
      const { status } = await bench.get<{ status?: { phase?: string } }>(`widgets.${bench.group}`, 'one');
      return status?.phase === 'Ready';
    });

    const removed = bench.remove('one');
    await eventually('its deletion is queued', () => queue.length === 3);
    const last = queue[2];
    assert.ok(last);
    assert.match(String(last.headers['ce-type']), /deleted$/);
    await bench.get(`widgets.${bench.group}`, 'one');
    assert.equal((await report(last, 200, {})).status, 204);
    await removed;
    assert.equal(await bench.forwarder.metric('statewire_callbacks_total', { result: 'accepted' }), 3);
    assert.equal(await bench.forwarder.metric('statewire_callbacks_total', { result: 'refused' }), 2);
    const token = new URL(String(first.headers['x-callback-url'])).searchParams.get('token') ?? '';
    assert.ok(!bench.forwarder.logs.some((line) => JSON.stringify(line).includes(token)));
    assert.equal(await bench.forwarder.stop(), 0);
    await assert.rejects(fetch(`http://${address}/callbacks/1-1`));
  });

  it('is refused with a finalizer where no callback comes in', async (t) => {
    const bench = await startBench(t);
    await bench.trigger({
      spec: { target: { openfaas: { name: 'widget', async: true } }, finalizer: true },
    });
    const accepted = await eventually('it is refused', async () => {
      const condition = await bench.condition('widget', 'Accepted');
      return condition?.status === 'False' ? condition : undefined;
    });
    assert.match(accepted.message, /^spec\.finalizer: .*--callback-address$/);
  });
});
