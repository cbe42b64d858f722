import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { passUntil, until } from '../../support/drive.ts';
import { FakeApiServer } from '../../support/fake-apiserver.ts';
import { RecordingReflector } from '../../support/recording-reflector.ts';

/** Three changes, with characters of two and more bytes. */
function change(server: FakeApiServer): void {
  server.put({ name: 'b', uid: 'u2' });
  server.delete({ name: 'b' });
  server.put({ name: 'a', uid: 'u1', spec: 'ä"}{\\𝄞\u2028' });
}
/** The most that these, or the list of what they leave, take. */
const WATCH_BYTES = 480;
const LIST_BYTES = 330;

async function follow(
  begin: (server: FakeApiServer, reflector: RecordingReflector) => Promise<void>,
): Promise<{ readonly server: FakeApiServer; readonly log: readonly string[] }> {
  await using server = await FakeApiServer.start();
  const reflector = new RecordingReflector(server);
  reflector.run();
  await begin(server, reflector);
  const synced = (): boolean => reflector.agrees && server.watches === 1;
  await passUntil(reflector.clock, { what: 'the state of the server', maxMs: 5000, stepMs: 400 }, synced);
  await reflector.stop();
  await until(reflector.clock, 'end of all sockets', () => server.open === 0);
  assert.equal(reflector.clock.pending, 0);
  return { server, log: reflector.log };
}

describe('Reflector, whose connection is cut after any byte', () => {
  it('of a watch, misses nothing, repeats nothing and does not list again', async () => {
    let whole = 0;
    for (let bytes = 0; bytes <= WATCH_BYTES; bytes++) {
      const { server, log } = await follow(async (server, { clock, log }) => {
        await until(clock, 'the list', () => log.includes('listed 10'));
        server.fault = ({ kind }) =>
          kind === 'watch' && server.count('watch') === 1 ? { kind: 'cut', afterBytes: bytes } : undefined;
        server.endWatches();
        change(server);
        await passUntil(clock, { what: 'the watch', maxMs: 2000 }, () => server.count('watch') >= 1);
      });
      assert.deepEqual(log, ['list', 'listed 10', 'ADDED u2 11', 'DELETED u2 12', 'ADDED u1 13']);
      assert.equal(server.count('stream') + server.count('list'), 1);
      if (server.count('watch') === 1) whole++;
    }
    assert.ok(whole > 0 && whole < 50, `the stream ends before ${WATCH_BYTES} bytes, and not long before`);
  });

  for (const kind of ['stream', 'list'] as const) {
    it(`of a ${kind === 'stream' ? 'streaming' : 'paged'} list, begins it again with nothing left of the first`, async () => {
      let whole = 0;
      for (let bytes = 0; bytes <= LIST_BYTES; bytes++) {
        const { server, log } = await follow(async (server, { clock }) => {
          server.streaming = kind === 'stream';
          change(server);
          let cuts = 0;
          server.fault = (request) =>
            request.kind === kind && cuts++ === 0 ? { kind: 'cut', afterBytes: bytes } : undefined;
          await until(clock, 'the list', () => server.count(kind) >= 1);
        });
        assert.deepEqual(
          log.filter((line) => line !== 'list'),
          ['listed 13'],
        );
        if (server.count('list') + server.count('stream') === (kind === 'list' ? 2 : 1)) whole++;
      }
      assert.ok(whole > 0 && whole < 150, `${whole} of the lists came whole`);
    });
  }
});
