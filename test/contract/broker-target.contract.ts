/**
 * What every Target that is a message broker keeps to, shown on the real server behind a proxy that misbehaves on
 * demand. It is what `target.contract.ts` says of hosts that talk HTTP, as far as a broker can have it:
 *
 * - Bodies, statuses, redirects, interim answers, compression and `Retry-After` are HTTP's; a broker acknowledges or
 *   refuses, and its refusals stand in a table of `docs/reference/hosts.md` and in the tests of each broker.
 * - "Calls once" is "one call is one message", since what consumers do with it is not ours to see.
 * - A connection is shared by many calls. Where HTTP gives up that of one call, a broker's is given up for all that
 *   come later, and ends when the calls under way on it have.
 *
 * Deadlines pass by a ManualClock; sockets and servers are real.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard, type AddressGuard } from '../../forwarder/target/address-guard.ts';
import { ANYWHERE, behindProxy, type BrokerServer } from '../support/brokers/broker-under-test.ts';
import { eventually } from '../support/eventually.ts';
import { invocationAt, type InvocationOverrides } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { TcpServer } from '../support/tcp-server.ts';
import { assertFails } from './target.contract.ts';

const TIMEOUT_MS = 30_000;
/** More than a client on loopback takes to write a message. */
const TURNS_OF_A_SEND = 200;

export interface BrokerMessage {
  /** The id attribute of its event. */
  readonly id: string;
  readonly body: string;
}

export interface BrokerSuite<S extends BrokerServer> {
  readonly name: string;
  /** The real server, whose messages hold at most about 1 MiB. Clients reach it on 127.0.0.1 by `clientPort` only. */
  start(clientPort: number): Promise<S>;
  /** All that consumers would get, in the order of the broker. */
  messages(server: S): Promise<readonly BrokerMessage[]>;
  /** A Target at that address. `missing`: its destination is one that the server does not have. */
  targetAt(where: BrokerAddress, clock: ManualClock, guard: AddressGuard): Target;
  /** Bytes of data that the broker refuses. */
  readonly tooManyBytes: number;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly missing?: boolean;
}

export function brokerTargetContract<S extends BrokerServer>(suite: BrokerSuite<S>): void {
  describe(suite.name, () => {
    const broker = behindProxy((clientPort) => suite.start(clientPort));

    const targetOn = (clock: ManualClock, where: Partial<BrokerAddress> = {}): Target =>
      suite.targetAt({ host: '127.0.0.1', port: broker.proxy.port, ...where }, clock, ANYWHERE);
    const stored = async (ids: readonly string[]): Promise<string[]> =>
      (await suite.messages(broker.server)).map(({ id }) => id).filter((id) => ids.includes(id));

    it('says accepted once the broker keeps the message', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      const id = randomUUID();
      const invocation = invocationAt(clock, { id, dataJson: '{"object":{"spec":{"a":"ü"}}}' });
      assert.deepEqual(await target.invoke(invocation, new AbortController().signal), { kind: 'accepted' });
      const found = (await suite.messages(broker.server)).find((message) => message.id === id);
      assert.equal(found?.body, invocation.dataJson);
      assert.equal(clock.pending, 0);
    });

    it('keeps the order of calls that come one after the other', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      const ids = Array.from({ length: 30 }, () => randomUUID());
      for (const id of ids) await send(target, clock, { id });
      assert.deepEqual(await stored(ids), ids);
    });

    it('sends many at once on one connection, each once', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      await send(target, clock);
      const before = broker.proxy.accepted;
      const ids = Array.from({ length: 100 }, () => randomUUID());
      await Promise.all(ids.map((id) => send(target, clock, { id })));
      assert.deepEqual((await stored(ids)).toSorted(), ids.toSorted());
      assert.equal(broker.proxy.accepted, before);
      assert.equal(clock.pending, 0);
    });

    it('ends its connections when it is disposed', async () => {
      const clock = new ManualClock();
      const target = targetOn(clock);
      await send(target, clock);
      assert.ok(broker.proxy.open > 0);
      await target[Symbol.asyncDispose]();
      await eventually('no connection stands', () => broker.proxy.open === 0);
    });

    it("is the target's failure where the connection is refused, and one such failure says it all", async () => {
      const nobody = await TcpServer.start(() => undefined);
      const { port } = nobody;
      await nobody[Symbol.asyncDispose]();
      await assertUnreachable((clock) => targetOn(clock, { port }));
    });

    it("is the target's failure where the host name does not exist", async () => {
      await assertUnreachable((clock) => targetOn(clock, { host: 'no-such-host.invalid' }));
    });

    it("is the target's failure where something else listens", async () => {
      await using server = await TcpServer.start((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
      await assertUnreachable((clock) => targetOn(clock, { port: server.port }));
    });

    it('is left at the deadline where it takes a connection and says nothing, and then nothing is connected', async () => {
      const clock = new ManualClock();
      await using server = await TcpServer.start(() => undefined);
      await using target = targetOn(clock, { port: server.port });
      const failure = assertFails(send(target, clock), {
        code: 'TARGET_UNREACHABLE',
        blame: 'target',
        conclusive: true,
      });
      await eventually('it was asked', () => server.connections > 0);
      await clock.advance(TIMEOUT_MS);
      await failure;
      await eventually('it hangs up', () => server.open === 0);
      assert.equal(clock.pending, 0);
    });

    it('is left at the deadline where a connection died unheard; the next call has a new one', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      await send(target, clock);
      broker.proxy.lose();
      const failure = assertFails(send(target, clock), { code: 'TARGET_TIMEOUT', blame: 'delivery' });
      await turns();
      await clock.advance(TIMEOUT_MS);
      await failure;
      const id = randomUUID();
      await send(target, clock, { id });
      assert.deepEqual(await stored([id]), [id]);
      assert.equal(clock.pending, 0);
    });

    it('does not know the outcome where the connection is reset after the message', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      await send(target, clock);
      broker.proxy.pause();
      const failure = assertFails(send(target, clock), { code: 'TARGET_ABORTED', blame: 'delivery' });
      await turns();
      broker.proxy.cut('RST');
      broker.proxy.resume();
      await failure;
      await send(target, clock);
      assert.equal(clock.pending, 0);
    });

    it('rejects with the reason of the signal that stops it, and hangs up', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      await send(target, clock);
      broker.proxy.pause();
      const stop = new AbortController();
      const reason = new Error('shutting down');
      const rejected = assert.rejects(send(target, clock, {}, stop.signal), (error) => error === reason);
      await turns();
      stop.abort(reason);
      await rejected;
      broker.proxy.resume();
      await eventually('it hangs up', () => broker.proxy.open === 0);
      assert.equal(clock.pending, 0);
    });

    it('does not connect at all when it is stopped beforehand or the deadline has passed', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      const before = broker.proxy.accepted;
      const reason = new Error('shutting down');
      await assert.rejects(send(target, clock, {}, AbortSignal.abort(reason)), (error) => error === reason);
      const late = invocationAt(clock, { timeoutMs: TIMEOUT_MS });
      await clock.advance(TIMEOUT_MS);
      await assertFails(target.invoke(late, new AbortController().signal), {
        code: 'TARGET_TIMEOUT',
        blame: 'delivery',
      });
      assert.equal(broker.proxy.accepted, before);
    });

    it("is the target's failure where nothing takes the message, while others go on", async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      await using lost = targetOn(clock, { missing: true });
      await send(target, clock);
      const ids = Array.from({ length: 10 }, () => randomUUID());
      const [failed] = await Promise.all([
        assertFails(send(lost, clock), { code: 'TARGET_NOT_FOUND', blame: 'target', conclusive: true }),
        ...ids.map((id) => send(target, clock, { id })),
      ]);
      assert.equal(failed, undefined);
      assert.deepEqual((await stored(ids)).toSorted(), ids.toSorted());
    });

    it('refuses what is too large for good, with size and limit, once the limit is known', async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      const dataJson = JSON.stringify({ object: 'x'.repeat(suite.tooManyBytes) });
      const first = await send(target, clock, { dataJson }).catch((error: unknown) => error);
      assert.ok(first instanceof Error);
      const limit = target.maxDataBytes ?? assert.fail('no limit is known');
      assert.ok(limit < dataJson.length, `${limit} is no limit`);
      const second = send(target, clock, { dataJson });
      await assertFails(second, { code: 'TARGET_TOO_LARGE', blame: 'delivery', permanent: true });
      await assert.rejects(second, ({ message }: Error) =>
        [dataJson.length, limit].every((bytes) => message.includes(String(bytes))),
      );
      // What fits goes through: on this target, too.
      const id = randomUUID();
      await send(target, clock, { id, dataJson: JSON.stringify({ object: 'x'.repeat(limit - 100) }) });
      assert.deepEqual(await stored([id]), [id]);
    });

    it('never calls a forbidden address, by number or by name', async () => {
      const clock = new ManualClock();
      const inPod = createAddressGuard({ inPod: true, apiServers: [], deniedCidrs: [] });
      const before = broker.proxy.accepted;
      for (const host of ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254']) {
        await using target = suite.targetAt({ host, port: broker.proxy.port }, clock, inPod);
        await assertFails(send(target, clock), {
          code: 'TARGET_FORBIDDEN',
          blame: 'target',
          conclusive: true,
        });
      }
      assert.equal(broker.proxy.accepted, before);
    });

    it("is the target's failure while the server is away, and works again when it is back", async () => {
      const clock = new ManualClock();
      await using target = targetOn(clock);
      const before = randomUUID();
      await send(target, clock, { id: before });
      await broker.server.kill();
      await eventually('the connection has ended', () => broker.proxy.open === 0);
      const away = { code: 'TARGET_UNREACHABLE', blame: 'target', conclusive: true } as const;
      // The first may still go out on the connection that is just dying.
      const first: unknown = await send(target, clock).catch((error: unknown) => error);
      assert.match(String((first as { code?: unknown }).code), /^TARGET_(UNREACHABLE|ABORTED)$/);
      await assertFails(send(target, clock), away);
      await broker.server.start();
      const id = randomUUID();
      await eventually('it takes messages again', async () => {
        await send(target, clock, { id });
        return true;
      });
      assert.deepEqual(new Set(await stored([before, id])), new Set([before, id]));
    });

    async function assertUnreachable(targetWith: (clock: ManualClock) => Target): Promise<void> {
      const clock = new ManualClock();
      await using target = targetWith(clock);
      await assertFails(send(target, clock), {
        code: 'TARGET_UNREACHABLE',
        blame: 'target',
        conclusive: true,
      });
      assert.equal(clock.pending, 0);
    }
  });
}

/** One call with the usual timeout, as an event of its own. */
export function send(
  target: Target,
  clock: ManualClock,
  overrides: InvocationOverrides = {},
  signal?: AbortSignal,
): ReturnType<Target['invoke']> {
  const id = overrides.id ?? randomUUID();
  return target.invoke(
    // As the real one: another for each event.
    { ...invocationAt(clock, { timeoutMs: TIMEOUT_MS, ...overrides, id }), idempotencyKey: id },
    signal ?? new AbortController().signal,
  );
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS_OF_A_SEND; turn++) await nextTurn();
}
