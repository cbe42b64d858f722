import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:https';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../../forwarder/lib/clock.ts';
import type { KubeAccess } from '../../../forwarder/kube/kube-access.ts';
import { HttpKubeClient } from '../../../forwarder/kube/kube-client.ts';
import { StreamTransport } from '../../../forwarder/kube/stream-transport.ts';
import { selfSigned } from '../../support/certificates.ts';

const { key, cert } = selfSigned();

async function httpsServer(t: TestContext): Promise<URL> {
  const server = createTlsServer({ key, cert }, (_request, response) => void response.end('{"ok":true}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

async function proxy(t: TestContext): Promise<{ readonly url: URL; readonly tunnels: string[] }> {
  const tunnels: string[] = [];
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (request, socket: Socket) => {
    tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => undefined);
    sockets.add(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: new URL(`http://me:pass@127.0.0.1:${(server.address() as AddressInfo).port}`), tunnels };
}

function access(server: URL, more: Partial<KubeAccess> = {}): KubeAccess {
  return {
    kind: 'anonymous',
    server,
    namespace: undefined,
    tls: () => ({ ca: cert, servername: 'localhost', rejectUnauthorized: true }),
    headers: async () => ({}),
    refresh: () => undefined,
    ...more,
  };
}

async function ask(at: KubeAccess): Promise<string> {
  await using client = new HttpKubeClient({ access: at, clock: systemClock });
  return (await client.request({ method: 'POST', path: '/x', body: '{}' })).text;
}

describe('openSocket', () => {
  it('trusts the authority that the access names', async (t) => {
    assert.equal(await ask(access(await httpsServer(t))), '{"ok":true}');
  });

  it('refuses a server of another authority, or of another name', async (t) => {
    const server = await httpsServer(t);
    for (const tls of [
      { ca: selfSigned().cert, servername: 'localhost' },
      { ca: cert, servername: 'elsewhere' },
    ]) {
      const at = access(server, { tls: () => ({ ...tls, rejectUnauthorized: true }) });
      await assert.rejects(ask(at), { code: 'API_UNAVAILABLE', status: 0 });
    }
  });

  it('verifies nothing where the access says so', async (t) => {
    assert.equal(
      await ask(access(await httpsServer(t), { tls: () => ({ rejectUnauthorized: false }) })),
      '{"ok":true}',
    );
  });

  it('goes through a proxy, for requests and for streams', async (t) => {
    const server = await httpsServer(t);
    const { url, tunnels } = await proxy(t);
    const at = access(server, { proxy: url });
    assert.equal(await ask(at), '{"ok":true}');
    const transport = new StreamTransport({ access: at, clock: systemClock });
    t.after(() => transport.close());
    const body = await transport.open({
      path: '/x',
      query: {},
      headTimeoutMs: 5000,
      signal: new AbortController().signal,
    });
    body.resume();
    await once(body, 'end');
    const line = `${server.host} Basic ${Buffer.from('me:pass').toString('base64')}`;
    assert.deepEqual(tunnels, [line, line]);
  });
});
