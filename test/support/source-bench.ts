/** Sources on a fake API server, and a subscriber that keeps what it is told. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Logger, silentLogger } from '../../forwarder/lib/logger.ts';
import type { Random } from '../../forwarder/lib/random.ts';
import type { Delta } from '../../forwarder/model/delta.ts';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { StreamTransport } from '../../forwarder/kube/stream-transport.ts';
import { SourceRegistry } from '../../forwarder/source/source-registry.ts';
import type { SourceKey } from '../../forwarder/source/source-key.ts';
import type { SourceSubscriber, Subscription } from '../../forwarder/source/source-subscriber.ts';
import { until } from './drive.ts';
import { FakeApiServer } from './fake-apiserver.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingMeter } from './recording-meter.ts';

const KEY: SourceKey = { apiVersion: 'example.com/v1', kind: 'Application', identity: 'forwarder' };

/** Keeps what it is told, in order. */
export class RecordingSubscriber implements SourceSubscriber {
  readonly log: string[] = [];
  readonly deltas: Delta[] = [];
  #onDelta: (delta: Delta) => void;
  constructor(onDelta: (delta: Delta) => void = () => undefined) {
    this.#onDelta = onDelta;
  }
  resolved({ plural, group, version }: Parameters<SourceSubscriber['resolved']>[0]): void {
    this.log.push(`resolved ${plural}.${group}/${version}`);
  }
  delta(delta: Delta): void {
    this.deltas.push(delta);
    this.log.push(`${delta.type} ${delta.head.uid} ${delta.head.resourceVersion}`);
    this.#onDelta(delta);
  }
  synced(): void {
    this.log.push('synced');
  }
  health({ state, message }: Parameters<SourceSubscriber['health']>[0]): void {
    this.log.push(`${state}: ${message}`);
  }
  /** Lines that begin with one of these. */
  only(...starts: readonly string[]): string[] {
    return this.log.filter((line) => starts.some((start) => line.startsWith(start)));
  }
}

export interface SourceBench {
  readonly server: FakeApiServer;
  readonly clock: ManualClock;
  readonly meter: RecordingMeter;
  readonly sources: SourceRegistry;
  readonly subscribe: (subscriber: SourceSubscriber, key?: Partial<SourceKey>) => Subscription;
  /** Waits, without letting time pass, until the subscriber has been told that line. */
  readonly has: (recorder: RecordingSubscriber, line: string) => Promise<void>;
  /** One more subscriber, once it knows every object. */
  readonly follow: (key?: Partial<SourceKey>) => Promise<RecordingSubscriber>;
}

/** Sources on a fake API server; all is gone with the test, which fails where a socket or timer is left. */
export async function benchSources(
  t: TestContext,
  options: {
    readonly logger?: Logger;
    readonly maxLists?: number;
    readonly auditIntervalMs?: number;
    readonly random?: Random;
  } = {},
): Promise<SourceBench> {
  const server = await FakeApiServer.start();
  const clock = new ManualClock();
  const meter = new RecordingMeter();
  const client = new HttpKubeClient({ access: server.access, clock });
  const transport = new StreamTransport({ access: server.access, clock });
  const discovery = new Discovery(client);
  const sources = new SourceRegistry({
    connect: () => ({ transport, discovery }),
    clock,
    random: options.random ?? (() => 0),
    logger: options.logger ?? silentLogger,
    meter,
    ...(options.maxLists !== undefined && { maxLists: options.maxLists }),
    ...(options.auditIntervalMs !== undefined && { auditIntervalMs: options.auditIntervalMs }),
  });
  t.after(async () => {
    let stopped = false;
    void sources.stop().then(() => (stopped = true));
    await until(clock, 'end of the sources', () => stopped);
    transport.close();
    await client[Symbol.asyncDispose]();
    await until(clock, 'end of all sockets', () => server.open === 0);
    assert.equal(clock.pending, 0, 'timers are left');
    await server[Symbol.asyncDispose]();
  });
  const subscribe = (recorder: SourceSubscriber, key: Partial<SourceKey> = {}): Subscription =>
    sources.subscribe({ ...KEY, ...key }, recorder);
  const has = (recorder: RecordingSubscriber, line: string): Promise<void> =>
    until(clock, `"${line}" in ${JSON.stringify(recorder.log)}`, () => recorder.log.includes(line));
  const follow = async (key?: Partial<SourceKey>): Promise<RecordingSubscriber> => {
    const recorder = new RecordingSubscriber();
    subscribe(recorder, key);
    await has(recorder, 'synced');
    return recorder;
  };
  return { server, clock, meter, sources, subscribe, has, follow };
}
