/** The proxies of these tests do what they say, and nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '../support/fault-proxy.ts';

interface Peer {
  readonly socket: Socket;
  text: string;
  ended: boolean;
  error: string | undefined;
}

function peer(socket: Socket): Peer {
  const said: Peer = { socket, text: '', ended: false, error: undefined };
  socket.on('data', (chunk) => (said.text += chunk.toString()));
  socket.on('end', () => (said.ended = true));
  socket.on('error', (error: NodeJS.ErrnoException) => (said.error = error.code));
  return said;
}

/** A server that says back what it hears, in capitals, and a client that reaches it by a proxy. */
async function world(t: TestContext): Promise<{ proxy: FaultProxy; open: () => Promise<Peer> }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await FaultProxy.start((server.address() as AddressInfo).port);
  t.after(async () => {
    await proxy[Symbol.asyncDispose]();
    server.close();
  });
  return {
    proxy,
    open: async () => {
      const client = connect(proxy.port, '127.0.0.1');
      t.after(() => void client.destroy());
      const said = peer(client);
      await once(client, 'connect');
      return said;
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

async function exchange(client: Peer, text: string): Promise<void> {
  client.socket.write(text);
  await until(() => client.text.endsWith(text.toUpperCase()));
}

describe('A fault proxy', { timeout: 20_000 }, () => {
  it('passes on what either side says', async (t) => {
    const { proxy, open } = await world(t);
    const client = await open();
    await exchange(client, 'hello');
    assert.deepEqual([client.text, proxy.bytes, proxy.accepted, proxy.open], ['HELLO', 5, 1, 1]);
    client.socket.end();
    await until(() => proxy.open === 0);
  });

  it('ends connections in an orderly way, or by a reset', async (t) => {
    const { proxy, open } = await world(t);
    const first = await open();
    await exchange(first, 'a');
    proxy.cut('FIN');
    await until(() => first.ended);
    assert.equal(first.error, undefined);
    const second = await open();
    await exchange(second, 'b');
    proxy.cut('RST');
    await until(() => second.error !== undefined);
    assert.equal(second.error, 'ECONNRESET');
    await exchange(await open(), 'c');
  });

  it('cuts right after the byte that was asked for, once', async (t) => {
    const { proxy, open } = await world(t);
    const client = await open();
    await exchange(client, 'abc');
    proxy.cutAfter(4, 'FIN');
    client.socket.write('defghi');
    await until(() => client.ended);
    assert.equal(client.text, 'ABCDEFG');
    const next = await open();
    await exchange(next, 'abcdefghi');
  });

  it('loses a connection so that neither side hears anything, while new ones work', async (t) => {
    const { proxy, open } = await world(t);
    const lost = await open();
    await exchange(lost, 'a');
    proxy.lose();
    lost.socket.write('b');
    await exchange(await open(), 'c');
    assert.deepEqual([lost.text, lost.ended, lost.error], ['A', false, undefined]);
  });

  it('takes new connections without an answer until it is healed', async (t) => {
    const { proxy, open } = await world(t);
    proxy.loseAll();
    const lost = await open();
    lost.socket.write('a');
    proxy.heal();
    await exchange(await open(), 'b');
    assert.deepEqual([lost.text, lost.ended], ['', false]);
  });

  it('holds everything back, in its order, until it resumes', async (t) => {
    const { proxy, open } = await world(t);
    const client = await open();
    await exchange(client, 'a');
    proxy.pause();
    client.socket.write('b');
    client.socket.write('c');
    await sleep(30);
    assert.equal(client.text, 'A');
    proxy.resume();
    await until(() => client.text === 'ABC');
  });

  it('refuses connections until it accepts them again, on the same port', async (t) => {
    const { proxy, open } = await world(t);
    const client = await open();
    await exchange(client, 'a');
    const { port } = proxy;
    await proxy.refuse();
    await assert.rejects(open(), { code: 'ECONNREFUSED' });
    await exchange(client, 'b');
    await proxy.accept();
    assert.equal(proxy.port, port);
    await exchange(await open(), 'c');
  });

  it('delays without mixing up the order', async (t) => {
    const { proxy, open } = await world(t);
    const client = await open();
    proxy.latencyMs = 20;
    client.socket.write('a');
    await sleep(5);
    client.socket.write('b');
    proxy.latencyMs = 0;
    await sleep(1);
    client.socket.write('c');
    await until(() => client.text.length === 3);
    assert.equal(client.text, 'ABC');
  });

  it('leads new connections elsewhere', async (t) => {
    const { proxy, open } = await world(t);
    const other = createServer((socket) => socket.end('other'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => void other.close());
    const before = await open();
    await exchange(before, 'a');
    proxy.upstreamPort = (other.address() as AddressInfo).port;
    await until(() => other.listening);
    const after = await open();
    await until(() => after.ended);
    assert.equal(after.text, 'other');
    await exchange(before, 'b');
  });
});
