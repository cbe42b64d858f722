import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BrokerConnection, Connections } from '../../../../forwarder/target/broker/connections.ts';

class FakeConnection implements BrokerConnection {
  closed = false;
  close(): void {
    this.closed = true;
  }
}

/** Openings that a test ends itself. */
class Openings {
  readonly begun: (PromiseWithResolvers<FakeConnection> & { readonly signal: AbortSignal })[] = [];
  readonly open = (signal: AbortSignal): Promise<FakeConnection> => {
    const opening = { ...Promise.withResolvers<FakeConnection>(), signal };
    this.begun.push(opening);
    return opening.promise;
  };
  /** The opening with that number succeeds. */
  succeed(index: number): FakeConnection {
    const connection = new FakeConnection();
    this.begun[index]?.resolve(connection);
    return connection;
  }
}

function setUp(): { connections: Connections<FakeConnection>; openings: Openings } {
  const connections = new Connections<FakeConnection>();
  for (const key of ['x', 'y']) connections.use(key);
  return { connections, openings: new Openings() };
}

describe('Connections', () => {
  it('open one for all calls of a key, and another for another key', async () => {
    const { connections, openings } = setUp();
    const [a, b] = [connections.lease('x', openings.open), connections.lease('x', openings.open)];
    connections.lease('y', openings.open);
    assert.equal(openings.begun.length, 2);
    const connection = openings.succeed(0);
    assert.equal(await a.connection, connection);
    assert.equal(await b.connection, connection);
    a[Symbol.dispose]();
    b[Symbol.dispose]();
    assert.equal(connection.closed, false);
    assert.equal(await connections.lease('x', openings.open).connection, connection);
  });

  it('open again after an attempt that failed, which all who waited for it hear of', async () => {
    const { connections, openings } = setUp();
    const waiting = [connections.lease('x', openings.open), connections.lease('x', openings.open)];
    openings.begun[0]?.reject(new Error('refused'));
    for (const lease of waiting) await assert.rejects(lease.connection, { message: 'refused' });
    connections.lease('x', openings.open);
    assert.equal(openings.begun.length, 2);
  });

  it('end an attempt that nobody waits for any more, and close what it still brings', async () => {
    const { connections, openings } = setUp();
    const [a, b] = [connections.lease('x', openings.open), connections.lease('x', openings.open)];
    a[Symbol.dispose]();
    assert.equal(openings.begun[0]?.signal.aborted, false);
    b[Symbol.dispose]();
    assert.equal(openings.begun[0]?.signal.aborted, true);
    const late = openings.succeed(0);
    await b.connection;
    assert.equal(late.closed, true);
    connections.lease('x', openings.open);
    assert.equal(openings.begun.length, 2);
  });

  it('give one that was given up to no later call, and close it when the calls on it are over', async () => {
    const { connections, openings } = setUp();
    const [a, b] = [connections.lease('x', openings.open), connections.lease('x', openings.open)];
    const connection = openings.succeed(0);
    await a.connection;
    a.giveUp();
    a[Symbol.dispose]();
    assert.equal(connection.closed, false);
    connections.lease('x', openings.open);
    assert.equal(openings.begun.length, 2);
    b[Symbol.dispose]();
    assert.equal(connection.closed, true);
  });

  it('replace one that has closed', async () => {
    const { connections, openings } = setUp();
    using lease = connections.lease('x', openings.open);
    const connection = openings.succeed(0);
    await lease.connection;
    connection.close();
    connections.lease('x', openings.open);
    assert.equal(openings.begun.length, 2);
  });

  it('close one when the last of those who use its key is gone, but not under a call', async () => {
    const { connections, openings } = setUp();
    const [first, second] = [connections.use('z'), connections.use('z')];
    const lease = connections.lease('z', openings.open);
    const connection = openings.succeed(0);
    await lease.connection;
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    assert.equal(connection.closed, false);
    second[Symbol.dispose]();
    assert.equal(connection.closed, false);
    lease[Symbol.dispose]();
    assert.equal(connection.closed, true);
  });

  it('leave none behind where a call began after the last user was gone', async () => {
    const { connections, openings } = setUp();
    connections.use('z')[Symbol.dispose]();
    const lease = connections.lease('z', openings.open);
    const connection = openings.succeed(0);
    await lease.connection;
    assert.equal(connection.closed, false);
    lease[Symbol.dispose]();
    assert.equal(connection.closed, true);
  });

  it('all end when they are disposed, also those that are being opened', async () => {
    const { connections, openings } = setUp();
    const lease = connections.lease('x', openings.open);
    const connection = openings.succeed(0);
    await lease.connection;
    connections.lease('y', openings.open);
    connections[Symbol.dispose]();
    assert.equal(connection.closed, true);
    assert.equal(openings.begun[1]?.signal.aborted, true);
  });
});
