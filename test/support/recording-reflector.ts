/** A reflector on a fake API server, with a handler that keeps what it is told. */
import type { ApiError } from '../../forwarder/lib/errors.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { noMeter } from '../../forwarder/model/metrics.ts';
import { StreamTransport } from '../../forwarder/kube/stream-transport.ts';
import { Reflector } from '../../forwarder/source/reflector.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import { until } from './drive.ts';
import type { FakeApiServer } from './fake-apiserver.ts';
import { ManualClock } from './manual-clock.ts';

export class RecordingReflector {
  readonly clock: ManualClock = new ManualClock();
  /** uid → resourceVersion of what is known to exist. */
  readonly state: Map<string, string> = new Map();
  /** Lists and changes in their order: `list`, `listed 11`, `ADDED u1 12`. */
  readonly log: string[] = [];
  readonly errors: ApiError[] = [];
  /** `absent`, or what it was stopped with. */
  ended: unknown;
  readonly #server: FakeApiServer;
  readonly #transport: StreamTransport;
  readonly #stop = new AbortController();
  readonly #reflector: Reflector;
  #listed = new Map<string, string>();

  constructor(server: FakeApiServer, options: { readonly random?: number } = {}) {
    this.#server = server;
    this.#transport = new StreamTransport({ access: server.access, clock: this.clock });
    this.#reflector = new Reflector({
      transport: this.#transport,
      path: '/apis/example.com/v1/applications',
      query: {},
      kind: { apiVersion: 'example.com/v1', kind: 'Application' },
      source: 'applications.example.com/v1',
      clock: this.clock,
      random: () => options.random ?? 0,
      logger: silentLogger,
      meter: noMeter,
      listSlots: new Slots(1),
      handler: {
        listBegins: () => {
          this.#listed = new Map();
          this.log.push('list');
        },
        item: (head) => void this.#listed.set(head.uid, head.resourceVersion),
        listEnds: (version) => {
          this.state.clear();
          for (const [uid, rv] of this.#listed) this.state.set(uid, rv);
          this.log.push(`listed ${version}`);
        },
        change: ({ type, head }) => {
          if (type === 'DELETED') this.state.delete(head.uid);
          else this.state.set(head.uid, head.resourceVersion);
          this.log.push(`${type} ${head.uid} ${head.resourceVersion}`);
        },
        healthy: () => undefined,
        failed: (error) => void this.errors.push(error),
        alive: () => undefined,
      },
    });
  }

  run(): void {
    this.#reflector.run(this.#stop.signal).then(
      () => (this.ended = 'absent'),
      (error: unknown) => (this.ended = error),
    );
  }

  /** Whether it knows exactly what the server has. */
  get agrees(): boolean {
    const { state } = this.#server;
    return (
      state.size === this.state.size && [...state].every(([uid, version]) => this.state.get(uid) === version)
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    await until(this.clock, 'end of the reflector', () => this.ended !== undefined);
    this.#transport.close();
  }
}
