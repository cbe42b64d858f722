import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../../forwarder/lib/clock.ts';
import { type Logger, silentLogger } from '../../../forwarder/lib/logger.ts';
import {
  type AdminServer,
  type AdminServerOptions,
  startAdminServer,
} from '../../../forwarder/observe/admin-server.ts';
import { StartupHealth } from '../../../forwarder/observe/health.ts';
import { PrometheusMeter } from '../../../forwarder/observe/metrics.ts';

async function start(t: TestContext, options: Partial<AdminServerOptions> = {}): Promise<AdminServer> {
  const server = await startAdminServer({
    address: { host: '127.0.0.1', port: 0 },
    health: new StartupHealth(() => [], new AbortController().signal),
    metrics: new PrometheusMeter({ processMetrics: false }),
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  t.after(() => server.close());
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

async function ask(server: AdminServer, path: string, method = 'GET', agent = new Agent()): Promise<Answer> {
  const [host, port] = server.address.split(':');
  const call = request({ host, port, path, method, agent });
  call.end();
  const [response] = await once(call, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

describe('the admin server', () => {
  it('logs where it listens', async (t) => {
    const lines: unknown[] = [];
    const logger: Logger = { ...silentLogger, info: (msg, fields) => void lines.push([msg, fields]) };
    const server = await start(t, { logger });
    assert.match(server.address, /^127\.0\.0\.1:[1-9]\d+$/);
    assert.deepEqual(lines, [['admin server listening', { address: server.address }]]);
  });

  it('is healthy while it answers', async (t) => {
    const { status, text } = await ask(await start(t), '/healthz');
    assert.deepEqual([status, text], [200, 'ok\n']);
  });

  it('says what readiness waits for', async (t) => {
    const waitingFor = ['triggers'];
    const health = new StartupHealth(() => waitingFor, new AbortController().signal);
    const server = await start(t, { health });
    const before = await ask(server, '/readyz');
    assert.deepEqual(
      [before.status, JSON.parse(before.text)],
      [503, { ready: false, reasons: ['waiting for triggers'] }],
    );
    waitingFor.pop();
    const after = await ask(server, '/readyz');
    assert.deepEqual([after.status, JSON.parse(after.text)], [200, { ready: true, reasons: [] }]);
  });

  it('serves metrics as Prometheus reads them', async (t) => {
    const metrics = new PrometheusMeter({ processMetrics: false });
    metrics.set('statewire_pending', { trigger: 'a/b' }, 3);
    const { status, headers, text } = await ask(await start(t, { metrics }), '/metrics');
    assert.equal(status, 200);
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
    assert.ok(text.includes('\nstatewire_pending{trigger="a/b"} 3\n'));
  });

  it('answers HEAD without a body', async (t) => {
    const { status, headers, text } = await ask(await start(t), '/healthz', 'HEAD');
    assert.deepEqual([status, headers['content-length'], text], [200, '3', '']);
  });

  const refused: readonly (readonly [method: string, path: string, status: number])[] = [
    ['POST', '/metrics', 405],
    ['DELETE', '/healthz', 405],
    ['OPTIONS', '/', 405],
    ['GET', '/', 404],
    ['GET', '/metrics/x', 404],
    ['GET', '/%ff', 404],
    ['GET', '/../etc/passwd', 404],
  ];
  for (const [method, path, expected] of refused) {
    it(`answers ${method} ${path} with ${expected}, and does not say what it is made of`, async (t) => {
      const { status, headers } = await ask(await start(t), path, method);
      assert.equal(status, expected);
      assert.equal(headers['x-powered-by'], undefined);
    });
  }

  it('answers 500 and goes on when metrics fail', async (t) => {
    const metrics = { contentType: 'text/plain', expose: () => Promise.reject(new Error('secret detail')) };
    const server = await start(t, { metrics });
    const { status, text } = await ask(server, '/metrics');
    assert.deepEqual([status, text], [500, 'internal error\n']);
    assert.equal((await ask(server, '/healthz')).status, 200);
  });

  it('refuses an address that is taken, naming the flag', async (t) => {
    const server = await start(t);
    const port = Number(server.address.split(':')[1]);
    await assert.rejects(start(t, { address: { host: '127.0.0.1', port } }), {
      code: 'CONFIG_INVALID',
      field: '--admin-address',
    });
  });

  it('closes although clients keep their connections', async (t) => {
    const server = await start(t);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    await ask(server, '/healthz', 'GET', agent);
    const [host, port] = server.address.split(':');
    const mute = connect({ host: host ?? '', port: Number(port) });
    await once(mute, 'connect');
    mute.write('GET /healthz HTTP/1.1\r\n');
    mute.on('error', () => undefined);
    const gone = once(mute, 'close');
    await server.close();
    await gone;
    await assert.rejects(ask(server, '/healthz'), { code: 'ECONNREFUSED' });
  });
});
