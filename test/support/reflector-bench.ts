import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { until } from './drive.ts';
import { FakeApiServer } from './fake-apiserver.ts';
import { RecordingReflector } from './recording-reflector.ts';

export interface ReflectorBench extends Pick<RecordingReflector, 'clock' | 'log' | 'errors' | 'state'> {
  readonly server: FakeApiServer;
  readonly run: () => void;
  /** Runs it, until it has listed what there is at that version. */
  readonly listed: (version?: number) => Promise<void>;
  readonly halt: () => Promise<void>;
  readonly synced: () => Promise<void>;
  readonly ended: () => unknown;
}

/** A reflector on a fake API server; nothing of it may be left when the test is over. */
export async function benchReflector(
  t: TestContext,
  options: { readonly random?: number } = {},
): Promise<ReflectorBench> {
  const server = await FakeApiServer.start();
  const reflector = new RecordingReflector(server, options);
  const { clock, log, errors, state } = reflector;
  t.after(async () => {
    await reflector.stop();
    await until(clock, 'end of all sockets', () => server.open === 0);
    assert.equal(clock.pending, 0, 'timers are left');
    await server[Symbol.asyncDispose]();
  });
  return {
    server,
    clock,
    log,
    errors,
    state,
    run: () => reflector.run(),
    async listed(version = 10) {
      reflector.run();
      await until(clock, 'the list', () => log.includes(`listed ${version}`));
    },
    halt: () => reflector.stop(),
    synced: () => until(clock, 'the state of the server', () => reflector.agrees),
    ended: () => reflector.ended,
  };
}
