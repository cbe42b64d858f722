import type { Clock } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Delta, ObjectHead } from '../model/delta.ts';
import type { Meter } from '../model/metrics.ts';
import { type Resource, resourcePath } from '../model/resource.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { StreamPort } from '../kube/stream-port.ts';
import { Audit, type AuditPlace } from './audit.ts';
import { ABSENT_BACKOFF, Backoff, DENIED_BACKOFF, FAILURE_BACKOFF, REFUSED_BACKOFF } from './backoff.ts';
import { isConnectionRefused } from '../kube/api-error.ts';
import { HealthTracker } from './health-tracker.ts';
import { type JoinPlace, JoinList } from './join-list.ts';
import { Member } from './member.ts';
import { ObjectIndex } from './object-index.ts';
import { Reflector, type ReflectorHandler } from './reflector.ts';
import type { Slots } from '../lib/slots.ts';
import { selectorQuery, type SourceKey, sourceLabel } from './source-key.ts';
import type { SourceSubscriber, Subscription } from './source-subscriber.ts';
import { untilAborted } from './until-aborted.ts';

export interface SourceOptions {
  readonly watch: Omit<SourceKey, 'identity'>;
  readonly transport: StreamPort;
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Limits how many lists run at a time, over all sources. */
  readonly listSlots: Slots;
  /** Limits how many audits read everything at a time, over all sources. */
  readonly auditSlots: Slots;
  /** 0: no audits. */
  readonly auditIntervalMs: number;
}

/**
 * The objects of one kind in one scope, as a stream of deltas for any number of subscribers. Follows the kind: it may
 * not exist yet, vanish, and come back as something else. What it knew of is compared with what comes back, so
 * deletions that nobody saw are told too.
 */
export class Source {
  readonly #options: SourceOptions;
  readonly #index = new ObjectIndex();
  readonly #members = new Set<Member>();
  readonly #health: HealthTracker;
  readonly #joins: JoinList;
  readonly #audit: Audit;
  #resource: Resource | undefined;
  /** Members that were there when the list being read began. */
  #covered: readonly Member[] = [];
  #synced = false;
  #lastByteMs = 0;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#health = new HealthTracker(options.watch, (health) => {
      for (const member of this.#members) member.health(health);
    });
    this.#joins = new JoinList({ ...options, index: this.#index, members: this.#members });
    this.#audit = new Audit({ ...options, index: this.#index, tell: (delta) => this.#tell(delta) });
  }

  /** Objects known. */
  get size(): number {
    return this.#index.size;
  }

  subscribe(subscriber: SourceSubscriber): Subscription {
    const member = new Member(subscriber, this.#options.logger);
    this.#members.add(member);
    queueMicrotask(() => {
      member.health(this.#health.current);
      if (this.#resource !== undefined) member.resolved(this.#resource);
    });
    this.#askForList();
    return {
      unsubscribe: () => {
        member.leave();
        this.#members.delete(member);
      },
      relist: () => {
        member.waiting = true;
        this.#askForList();
      },
    };
  }

  /** Runs until the signal fires; then resolves, with every socket and timer gone. */
  async run(signal: AbortSignal): Promise<void> {
    this.#lastByteMs = this.#options.clock.monotonic();
    try {
      for (;;) {
        const resource = await this.#resolve(signal);
        this.#announce(resource);
        await this.#follow(resource, signal);
        this.#synced = false;
        this.#options.discovery.invalidate(this.#options.watch.apiVersion);
        this.#health.absent();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#stopReading();
    }
  }

  /** Asks discovery until the kind is served. */
  async #resolve(signal: AbortSignal): Promise<Resource> {
    const { discovery, watch, clock, random, logger } = this.#options;
    const backoff = new Backoff(random);
    for (;;) {
      signal.throwIfAborted();
      let shape = ABSENT_BACKOFF;
      try {
        const resource = await untilAborted(discovery.resolve(watch.apiVersion, watch.kind), signal);
        if (resource !== undefined) return resource;
        this.#health.absent();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        this.#health.failed(error);
        logger.debug('discovery failed', { code: error.code, error: messageOf(error) });
        shape = isConnectionRefused(error)
          ? REFUSED_BACKOFF
          : error.code === 'API_FORBIDDEN' || error.code === 'API_UNAUTHORIZED'
            ? DENIED_BACKOFF
            : FAILURE_BACKOFF;
      }
      await clock.sleep(backoff.next(shape, clock.monotonic()), signal);
    }
  }

  #announce(resource: Resource): void {
    if (this.#resource !== undefined && JSON.stringify(this.#resource) === JSON.stringify(resource)) return;
    this.#resource = resource;
    for (const member of this.#members) member.resolved(resource);
  }

  /** Reflects until the kind vanishes. */
  async #follow(resource: Resource, signal: AbortSignal): Promise<void> {
    const { watch, transport, clock, random, logger, meter, listSlots } = this.#options;
    const source = sourceLabel(resource, watch.namespace);
    const place = {
      transport,
      path: resourcePath(resource, { namespace: watch.namespace }),
      query: selectorQuery({ ...watch, identity: '' }),
      kind: watch,
      source,
      pathOf: (namespace: string | undefined) => resourcePath(resource, { namespace }),
      watched: () => reflector.version,
      relist: () => reflector.relist(),
    };
    const reflector: Reflector = new Reflector({
      ...place,
      handler: this.#handler(signal, place),
      clock,
      random,
      logger: logger.with({ source }),
      meter,
      listSlots,
    });
    const hide = meter.gauge(
      'statewire_watch_last_byte_seconds',
      { source },
      () => (clock.monotonic() - this.#lastByteMs) / 1000,
    );
    await reflector.run(signal).finally(hide);
    this.#stopReading();
  }

  /** What is read beside the watch is void, as when a list begins. */
  #stopReading(): void {
    this.#joins.stop();
    this.#audit.stop();
  }

  #handler(signal: AbortSignal, place: JoinPlace & AuditPlace): ReflectorHandler {
    return {
      listBegins: () => {
        this.#stopReading();
        this.#covered = [...this.#members];
        this.#index.beginList();
      },
      item: (head, raw) => this.#put('Listed', head, raw),
      listEnds: (resourceVersion) => {
        for (const delta of this.#index.endList(resourceVersion)) this.#tell(delta);
        this.#synced = true;
        this.#health.synced();
        for (const member of this.#covered) {
          member.waiting = false;
          member.synced();
        }
        this.#covered = [];
        this.#joins.open(place, signal);
        this.#audit.open(place);
        this.#askForList();
      },
      change: (event) => {
        if (event.type === 'DELETED') {
          this.#joins.deleted(event.head.uid);
          this.#audit.deleted(event.head.uid);
          for (const delta of this.#index.delete(event.head, event.raw)) this.#tell(delta);
        } else {
          this.#put(event.type === 'ADDED' ? 'Added' : 'Modified', event.head, event.raw);
        }
      },
      healthy: () => this.#health.healthy(),
      failed: (error) => this.#health.failed(error),
      alive: () => {
        this.#lastByteMs = this.#options.clock.monotonic();
      },
    };
  }

  #put(type: 'Listed' | 'Added' | 'Modified', head: ObjectHead, raw: string): void {
    for (const delta of this.#index.put(type, head, raw)) this.#tell(delta);
  }

  #tell(delta: Delta): void {
    for (const member of this.#members) member.delta(delta);
  }

  /** Whoever is not covered by a list of the source itself gets one that runs beside the watch. */
  #askForList(): void {
    if (this.#synced) this.#joins.schedule();
  }
}
