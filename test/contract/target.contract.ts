/**
 * What every Target that talks HTTP/1.1 keeps to, whatever the server on the other end does: it throws TargetError and
 * nothing else, blames the right side, calls once, is over by the deadline, and gives its connection up.
 *
 * Time is a ManualClock, so a deadline passes when the test says so; sockets are real.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { TargetError, type TargetErrorCode } from '../../forwarder/lib/errors.ts';
import type { Reply, Target } from '../../forwarder/model/target.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answer, head, type Script, ScriptedServer } from '../support/scripted-server.ts';
import { selfSigned } from '../support/certificates.ts';

const TIMEOUT_MS = 30_000;

export interface TargetSuite {
  readonly name: string;
  /** A Target whose function is at this origin. */
  targetAt(origin: string, clock: ManualClock): Target;
  /** The reply that carries this text, as the host's server sends it. */
  success(body: string): Script;
  /** What the host cannot have, each with the reason. */
  readonly without?: {
    /** Interim answers are not counted. */
    readonly interimLimit?: string;
  };
}

/** What a failure must be; only what a row names is compared. */
export interface ExpectedFailure {
  readonly code?: TargetErrorCode;
  readonly blame?: 'delivery' | 'target';
  readonly permanent?: boolean;
  readonly suspect?: boolean;
  readonly conclusive?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly minWaitMs?: number;
}

/** Sends a chunk without end. */
function endless(
  chunk: string | Buffer,
  everyTurn: (socket: Parameters<Script>[0]) => void = () => undefined,
): Script {
  return (socket) => {
    const more = (): void => {
      if (socket.destroyed) return;
      everyTurn(socket);
      if (socket.write(chunk)) setImmediate(more);
      else socket.once('drain', more);
    };
    more();
  };
}

/** Failures that need no deadline. */
const AT_ONCE: readonly {
  readonly title: string;
  readonly script: Script;
  readonly expected: ExpectedFailure;
}[] = [
  {
    title: 'a connection reset before any answer is lost, so the outcome is unknown',
    script: (socket) => void socket.resetAndDestroy(),
    expected: { code: 'TARGET_ABORTED', blame: 'delivery', permanent: false },
  },
  {
    title: 'a connection closed before any answer is lost as well',
    script: (socket) => void socket.end(),
    expected: { code: 'TARGET_ABORTED', blame: 'delivery', permanent: false },
  },
  {
    title: 'a connection reset within the body is lost',
    script: (socket) => {
      socket.write(`${head(200, { 'content-length': '100' })}{"kind":`, () =>
        setImmediate(() => socket.resetAndDestroy()),
      );
    },
    expected: { code: 'TARGET_ABORTED', blame: 'delivery', permanent: false },
  },
  {
    title: 'a body that ends before its announced length is lost',
    script: (socket) => void socket.end(`${head(200, { 'content-length': '100' })}{"kind":`),
    expected: { code: 'TARGET_ABORTED', blame: 'delivery', permanent: false },
  },
  {
    title: 'a chunked body without its last chunk is lost',
    script: (socket) => void socket.end(`${head(200, { 'transfer-encoding': 'chunked' })}5\r\n{"kin\r\n`),
    expected: { code: 'TARGET_ABORTED', blame: 'delivery', permanent: false },
  },
  {
    title: 'a body announced at 100 MB is not read',
    script: (socket) => void socket.write(`${head(200, { 'content-length': '104857600' })}{`),
    expected: { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false },
  },
  {
    title: 'an endless body is read up to the limit',
    script: (socket, request) => {
      socket.write(head(200, { 'transfer-encoding': 'chunked' }));
      void endless(`10000\r\n${'x'.repeat(0x10000)}\r\n`)(socket, request);
    },
    expected: { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false },
  },
  {
    title: 'a gzip bomb that nobody asked for is not unpacked',
    script: answer(200, { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(50_000_000))),
    expected: { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false },
  },
  {
    title: 'a body that is not UTF-8 is a bad reply',
    script: answer(200, { 'content-type': 'application/json' }, Buffer.from([0x22, 0xff, 0xfe, 0x22])),
    expected: { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false },
  },
  {
    title: 'headers without end are a bad reply',
    script: (socket, request) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      void endless(`x-filler: ${'x'.repeat(8000)}\r\n`)(socket, request);
    },
    expected: { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false },
  },
  {
    title: 'an answer that is not HTTP is a bad reply',
    script: (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
    expected: { code: 'TARGET_BAD_REPLY', blame: 'delivery', permanent: false },
  },
];

/** Servers that would hold the call for ever. */
const AT_DEADLINE: readonly { readonly title: string; readonly script: Script }[] = [
  { title: 'a server that never answers', script: () => undefined },
  {
    title: 'a server that sends headers only',
    script: (socket) => void socket.write(head(200, { 'content-length': '2' })),
  },
  {
    title: 'a server that sends half a status line',
    script: (socket) => void socket.write('HTTP/1.1 2'),
  },
  {
    title: 'a server that drips its body',
    script: (socket) => {
      socket.write(head(200, { 'content-length': '100000' }));
      const drip = (): void => {
        if (!socket.destroyed) socket.write('x', () => setImmediate(drip));
      };
      drip();
    },
  },
];

export function targetContract(suite: TargetSuite): void {
  describe(`${suite.name}, whatever the server does`, () => {
    for (const { title, script, expected } of AT_ONCE) {
      it(title, async () => {
        await using server = await ScriptedServer.start(script);
        const clock = new ManualClock();
        await using target = suite.targetAt(server.origin, clock);
        await assertFails(call(target, clock), expected);
        await target[Symbol.asyncDispose]();
        await server.until(({ open }) => open === 0);
        assert.equal(server.requests.length, 1);
        assert.equal(clock.pending, 0);
      });
    }

    for (const { title, script } of AT_DEADLINE) {
      it(`${title} is left at the deadline`, async () => {
        await using server = await ScriptedServer.start(script);
        const clock = new ManualClock();
        await using target = suite.targetAt(server.origin, clock);
        const failure = assertFails(call(target, clock), {
          code: 'TARGET_TIMEOUT',
          blame: 'delivery',
          permanent: false,
        });
        await server.until(({ requests }) => requests.length === 1);
        await clock.advance(TIMEOUT_MS);
        await failure;
        await server.until(({ open }) => open === 0);
        assert.equal(server.requests.length, 1);
        assert.equal(clock.pending, 0);
      });
    }

    it("is the target's failure where the connection is refused, and one such failure says it all", async () => {
      const server = await ScriptedServer.start(() => undefined);
      const { origin } = server;
      await server[Symbol.asyncDispose]();
      await assertUnreachable(suite, origin);
    });

    it("is the target's failure where the host name does not exist", async () => {
      await assertUnreachable(suite, 'http://no-such-host.invalid:8080');
    });

    it("is the target's failure where nobody vouches for the certificate", async () => {
      await using server = await ScriptedServer.start(answer(200), selfSigned());
      await assertUnreachable(suite, server.origin);
      assert.equal(server.requests.length, 0);
    });

    it("is the target's failure where TLS meets plain HTTP", async () => {
      await using server = await ScriptedServer.start(answer(200));
      await assertUnreachable(suite, server.origin.replace('http:', 'https:'));
      assert.equal(server.requests.length, 0);
    });

    it('never follows a redirect', async () => {
      await using elsewhere = await ScriptedServer.start(suite.success('{}'));
      for (const status of [301, 302, 303, 307, 308]) {
        await using server = await ScriptedServer.start(answer(status, { location: `${elsewhere.origin}/` }));
        const clock = new ManualClock();
        await using target = suite.targetAt(server.origin, clock);
        await assertFails(call(target, clock), { code: 'TARGET_MISCONFIGURED', blame: 'target' });
        assert.equal(server.requests.length, 1);
      }
      assert.equal(elsewhere.requests.length, 0);
    });

    it('waits through interim answers', async () => {
      await using server = await ScriptedServer.start((socket, request) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(3));
        return suite.success('{"kind":"FunctionResult"}')(socket, request);
      });
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      assert.deepEqual(await call(target, clock), { kind: 'body', text: '{"kind":"FunctionResult"}' });
    });

    it(`ends a flood of interim answers${suite.without?.interimLimit === undefined ? '' : ' at the deadline'}`, async () => {
      await using server = await ScriptedServer.start(endless('HTTP/1.1 103 Early Hints\r\n\r\n'));
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      const atDeadline = suite.without?.interimLimit !== undefined;
      const failure = assertFails(call(target, clock), {
        code: atDeadline ? 'TARGET_TIMEOUT' : 'TARGET_BAD_REPLY',
        blame: 'delivery',
      });
      if (atDeadline) {
        await server.until(({ requests }) => requests.length === 1);
        await clock.advance(TIMEOUT_MS);
      }
      await failure;
      await server.until(({ open }) => open === 0);
    });

    for (const { given, expected } of [
      { given: undefined, expected: undefined },
      { given: '7', expected: 7000 },
      { given: '0', expected: undefined },
      { given: '-5', expected: undefined },
      { given: '1000000000', expected: 1e12 },
      { given: 'soon', expected: undefined },
    ]) {
      it(`reads Retry-After ${given === undefined ? 'absent' : `"${given}"`} beside 429`, async () => {
        const headers = given === undefined ? {} : { 'retry-after': given };
        await using server = await ScriptedServer.start(answer(429, headers));
        const clock = new ManualClock();
        await using target = suite.targetAt(server.origin, clock);
        await assertFails(call(target, clock), {
          code: 'TARGET_THROTTLED',
          blame: 'target',
          minWaitMs: 1000,
          retryAfterMs: expected,
        });
        assert.equal(server.requests.length, 1);
      });
    }

    it('rejects with the reason of the signal that stops it, and hangs up', async () => {
      await using server = await ScriptedServer.start(() => undefined);
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      const stop = new AbortController();
      const reason = new Error('shutting down');
      const rejected = assert.rejects(call(target, clock, stop.signal), (error) => error === reason);
      await server.until(({ requests }) => requests.length === 1);
      stop.abort(reason);
      await rejected;
      await server.until(({ open }) => open === 0);
      assert.equal(clock.pending, 0);
    });

    it('does not call at all when it is stopped beforehand', async () => {
      await using server = await ScriptedServer.start(suite.success('{}'));
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      const reason = new Error('shutting down');
      await assert.rejects(call(target, clock, AbortSignal.abort(reason)), (error) => error === reason);
      assert.equal(server.requests.length, 0);
    });

    it('does not call at all when the deadline has passed', async () => {
      await using server = await ScriptedServer.start(suite.success('{}'));
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      const invocation = invocationAt(clock, { timeoutMs: TIMEOUT_MS });
      await clock.advance(TIMEOUT_MS);
      await assertFails(target.invoke(invocation, new AbortController().signal), {
        code: 'TARGET_TIMEOUT',
        blame: 'delivery',
      });
      assert.equal(server.requests.length, 0);
    });

    it('keeps an answer that comes after the deadline away from the next call', async () => {
      const late: (() => void)[] = [];
      await using server = await ScriptedServer.start((socket, request) => {
        late.push(() => void suite.success('{"late":true}')(socket, request));
      });
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      const failure = assertFails(call(target, clock), { code: 'TARGET_TIMEOUT', blame: 'delivery' });
      await server.until(({ requests }) => requests.length === 1);
      await clock.advance(TIMEOUT_MS);
      late[0]?.();
      await failure;
      server.script = suite.success('{"late":false}');
      assert.deepEqual(await call(target, clock), { kind: 'body', text: '{"late":false}' });
    });

    it('calls on a new connection after the server closed the idle one', async () => {
      await using server = await ScriptedServer.start(suite.success('{"n":1}'));
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      await call(target, clock);
      await nextTurn(); // until the connection is free again
      server.script = (socket, request) => {
        if (request.connection === 0) socket.destroy();
        else void suite.success('{"n":2}')(socket, request);
      };
      // The race that cannot be won: the server hangs up as the request arrives. One failed attempt, not repeated here.
      await assertFails(call(target, clock), { code: 'TARGET_ABORTED', blame: 'delivery', permanent: false });
      assert.equal(server.requests.length, 2);
      assert.deepEqual(await call(target, clock), { kind: 'body', text: '{"n":2}' });
    });

    it('gives each of many calls at once its own answer', async () => {
      await using server = await ScriptedServer.start((socket, request) =>
        suite.success(JSON.stringify({ id: /"?mark-(\d+)/.exec(JSON.stringify(request))?.[1] }))(
          socket,
          request,
        ),
      );
      const clock = new ManualClock();
      await using target = suite.targetAt(server.origin, clock);
      const ids = Array.from({ length: 100 }, (_, index) => String(index));
      const replies = await Promise.all(
        ids.map((id) =>
          target.invoke(
            invocationAt(clock, { dataJson: `{"mark":"mark-${id}"}` }),
            new AbortController().signal,
          ),
        ),
      );
      assert.deepEqual(
        replies,
        ids.map((id) => ({ kind: 'body', text: JSON.stringify({ id }) })),
      );
      assert.equal(clock.pending, 0);
    });
  });
}

/** One call with the usual timeout. */
export function call(target: Target, clock: ManualClock, signal?: AbortSignal): Promise<Reply> {
  return target.invoke(
    invocationAt(clock, { timeoutMs: TIMEOUT_MS }),
    signal ?? new AbortController().signal,
  );
}

/** The call fails with a TargetError that has what is expected, and a message of one line. */
export async function assertFails(promise: Promise<unknown>, expected: ExpectedFailure): Promise<void> {
  const error = await promise.then(
    (reply) => assert.fail(`no failure but ${JSON.stringify(reply)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof TargetError, `not a TargetError: ${String(error)}`);
  const { code, blame, permanent, suspect, conclusive, retryAfterMs, minWaitMs } = error;
  assert.partialDeepStrictEqual(
    { code, blame, permanent, suspect, conclusive, retryAfterMs, minWaitMs },
    expected,
  );
  assert.match(error.message, /^[^\n]{1,600}$/);
}

async function assertUnreachable(suite: TargetSuite, origin: string): Promise<void> {
  const clock = new ManualClock();
  await using target = suite.targetAt(origin, clock);
  await assertFails(call(target, clock), { code: 'TARGET_UNREACHABLE', blame: 'target', conclusive: true });
  assert.equal(clock.pending, 0);
}
