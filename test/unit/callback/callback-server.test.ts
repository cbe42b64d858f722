import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { CallbackDesk } from '../../../forwarder/callback/callback-desk.ts';
import { type CallbackServer, openCallbacks } from '../../../forwarder/callback/callback-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingMeter } from '../../support/recording-meter.ts';
import { silentLogger } from '../../../forwarder/lib/logger.ts';

const invocation = { idempotencyKey: 'abcdef0123456789'.repeat(4) };

interface World {
  readonly server: CallbackServer;
  readonly desk: CallbackDesk;
  readonly meter: RecordingMeter;
  /** The URL as a function on this computer reaches it. */
  readonly local: (url: string) => string;
}

async function start(t: TestContext): Promise<World> {
  const meter = new RecordingMeter();
  const options = { address: { host: '127.0.0.1', port: 0 }, url: 'https://callbacks.example.com/base' };
  const opened = await openCallbacks(options, { clock: new ManualClock(), logger: silentLogger, meter });
  assert.ok(opened);
  t.after(() => opened.close());
  const local = (url: string): string =>
    url.replace('https://callbacks.example.com/base', `http://${opened.address}`);
  return { server: opened, desk: opened.desk, meter, local };
}

describe('POST /callbacks/<id>', () => {
  it('takes what a function says, once', async (t) => {
    const { desk, meter, local } = await start(t);
    using expected = desk.expect(invocation);
    assert.match(
      expected.url,
      /^https:\/\/callbacks\.example\.com\/base\/callbacks\/abcdef0123456789-1\?token=/,
    );
    const url = local(expected.url);
    const first = await fetch(url, { method: 'POST', body: '{"kind":"FunctionResult"}' });
    assert.equal(first.status, 204);
    const { status, body } = await expected.answer;
    assert.deepEqual({ status, body: body.toString() }, { status: 200, body: '{"kind":"FunctionResult"}' });
    assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 410);
    assert.equal(meter.value('statewire_callbacks_total', { result: 'accepted' }), 1);
    assert.equal(meter.value('statewire_callbacks_total', { result: 'refused' }), 1);
  });

  it("takes the function's own status where its host tells it", async (t) => {
    const { desk, local } = await start(t);
    for (const [said, expected] of [
      ['500', 500],
      ['202', 202],
      ['100', 200],
      ['ok', 200],
    ] as const) {
      using callback = desk.expect(invocation);
      await fetch(local(callback.url), { method: 'POST', headers: { 'x-function-status': said } });
      assert.equal((await callback.answer).status, expected);
    }
  });

  it('takes the token as a bearer token, too', async (t) => {
    const { desk, local } = await start(t);
    using expected = desk.expect(invocation);
    const url = new URL(local(expected.url));
    const authorization = `Bearer ${url.searchParams.get('token')}`;
    url.search = '';
    assert.equal((await fetch(url, { method: 'POST' })).status, 404);
    assert.equal((await fetch(url, { method: 'POST', headers: { authorization } })).status, 204);
  });

  it('refuses what is late', async (t) => {
    const { desk, local } = await start(t);
    const expected = desk.expect(invocation);
    expected[Symbol.dispose]();
    assert.equal((await fetch(local(expected.url), { method: 'POST' })).status, 410);
  });

  it('knows nothing of other ids, other tokens, other paths, and of the tokens of another process', async (t) => {
    const { desk, local } = await start(t);
    using expected = desk.expect(invocation);
    using other = desk.expect(invocation);
    using foreign = new CallbackDesk('https://callbacks.example.com/base').expect(invocation);
    const { origin, pathname, search } = new URL(local(expected.url));
    for (const url of [
      `${origin}${pathname}`,
      `${origin}${pathname}?token=`,
      `${origin}${pathname}${new URL(other.url).search}`,
      `${origin}${pathname}${search.slice(0, -1)}`,
      `${origin}${pathname}x${search}`,
      `${origin}/callbacks/${search}`,
      `${origin}/healthz`,
      local(foreign.url),
    ]) {
      assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 404, url);
    }
    assert.equal((await fetch(local(expected.url))).status, 405);
    assert.equal(desk.waiting, 2);
  });

  it('reads no more than 1 MiB, and the place stays open for a smaller answer', async (t) => {
    const { desk, local } = await start(t);
    using expected = desk.expect(invocation);
    const url = local(expected.url);
    const tooMuch = Buffer.alloc(1024 * 1024 + 1, 'x');
    assert.equal(await statusOf(url, `content-length: ${tooMuch.length}`, ''), 413);
    const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`;
    assert.equal(await statusOf(url, 'transfer-encoding: chunked', chunk.repeat(17)), 413);
    const body = tooMuch.subarray(1);
    assert.equal((await fetch(url, { method: 'POST', body })).status, 204);
    assert.equal((await expected.answer).body.length, 1024 * 1024);
  });

  it('answers an unknown token before a byte of the body was sent', async (t) => {
    const { desk, local } = await start(t);
    using expected = desk.expect(invocation);
    const url = local(expected.url).replace(/token=.*/, 'token=wrong');
    assert.equal(await statusOf(url, 'content-length: 1000', ''), 404);
    assert.equal(await statusOf(url, 'content-length: 1000\r\nexpect: 100-continue', ''), 404);
  });

  it('gives the place to one of two who answer at once', async (t) => {
    const { desk, local } = await start(t);
    using expected = desk.expect(invocation);
    const url = local(expected.url);
    const post = (body: string): Promise<Response> => fetch(url, { method: 'POST', body });
    const statuses = (await Promise.all([post('{"a":1}'), post('{"b":2}')])).map(({ status }) => status);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [204, 410],
    );
  });

  it('keeps the place for who answers whole where a connection breaks', async (t) => {
    const { desk, server, local } = await start(t);
    using expected = desk.expect(invocation);
    const url = new URL(local(expected.url));
    const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST ${url.pathname}${url.search} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"half"`,
      () => socket.resetAndDestroy(),
    );
    await once(socket, 'close');
    assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 204);
  });
});

/** The status of the first answer to a request that is sent as far as given. */
async function statusOf(url: string, headers: string, body: string): Promise<number> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined); // it is cut off while it still sends
  socket.write(`POST ${pathname}${search} HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n${body}`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1]);
}
