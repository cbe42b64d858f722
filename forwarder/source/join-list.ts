import type { Clock, Timer } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Delta, ObjectHead } from '../model/delta.ts';
import type { Meter } from '../model/metrics.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import { listPages } from '../kube/list-pages.ts';
import type { StreamPort } from '../kube/stream-port.ts';
import { Backoff, FAILURE_BACKOFF } from './backoff.ts';
import type { Member } from './member.ts';
import { isOlder, type ObjectIndex } from './object-index.ts';
import type { Slots } from '../lib/slots.ts';

/** Several who join at once (a start with many triggers) share one list. */
const GATHER_MS = 20;

/** What and where to list. */
export interface JoinPlace {
  readonly transport: StreamPort;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly kind: GroupVersionKind;
  readonly source: string;
}

/**
 * Shows every object to members that came late, by a list that runs beside the watch. The watch stays the one that
 * decides what exists: what it has deleted meanwhile is not shown, and what the list lacks is not deleted.
 */
export class JoinList {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #slots: Slots;
  readonly #index: ObjectIndex;
  readonly #members: ReadonlySet<Member>;
  readonly #backoff: Backoff;
  #place: JoinPlace | undefined;
  #stopped: AbortController | undefined;
  #timer: Timer | undefined;
  #running = false;
  /** What the watch deleted since the list began. */
  #deleted: Set<string> | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly listSlots: Slots;
    readonly index: ObjectIndex;
    readonly members: ReadonlySet<Member>;
  }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#meter = options.meter;
    this.#slots = options.listSlots;
    this.#index = options.index;
    this.#members = options.members;
    this.#backoff = new Backoff(options.random);
  }

  /** Lists can be made from now on, until `stop` or the signal. */
  open(place: JoinPlace, signal: AbortSignal): void {
    this.stop();
    const stopped = new AbortController();
    this.#stopped = stopped;
    this.#place = place;
    signal.addEventListener('abort', () => this.stop(), { once: true, signal: stopped.signal });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#place = undefined;
    this.#stopped?.abort();
    this.#stopped = undefined;
  }

  /** Makes a list soon, if anybody waits for one. */
  schedule(afterMs: number = GATHER_MS): void {
    if (this.#place === undefined || this.#running || this.#timer !== undefined) return;
    if (this.#waiting().length === 0) return;
    this.#timer = this.#clock.after(afterMs, () => {
      this.#timer = undefined;
      void this.#run();
    });
  }

  /** The watch says that an object is gone. */
  deleted(uid: string): void {
    this.#deleted?.add(uid);
  }

  async #run(): Promise<void> {
    const place = this.#place;
    const signal = this.#stopped?.signal;
    const members = this.#waiting();
    if (place === undefined || signal === undefined || members.length === 0) return;
    this.#running = true;
    let againMs = GATHER_MS;
    try {
      await this.#list(place, members, signal);
      this.#backoff.reset();
    } catch (error) {
      if (!(error instanceof ApiError) && !signal.aborted) throw error;
      if (error instanceof ApiError) {
        // The watch meets the same problem and reports it; here it only means to try again.
        this.#logger.debug('list for a new subscriber failed', { code: error.code, error: messageOf(error) });
        againMs = Math.max(
          this.#backoff.next(FAILURE_BACKOFF, this.#clock.monotonic()),
          error.retryAfterMs ?? 0,
        );
      }
    } finally {
      this.#running = false;
      this.#deleted = undefined;
      this.schedule(againMs);
    }
  }

  async #list(place: JoinPlace, members: readonly Member[], signal: AbortSignal): Promise<void> {
    const release = await this.#slots.take(signal);
    try {
      // A relist() made from now on is about a later list.
      for (const member of members) member.waiting = false;
      this.#meter.count('statewire_relists_total', { source: place.source, reason: 'subscriber' });
      this.#deleted = new Set();
      await listPages({
        ...place,
        clock: this.#clock,
        signal,
        onBegin: () => undefined,
        onItem: (head, raw) => {
          if (!this.#shows(head)) return;
          const known = this.#index.get(head.uid);
          for (const delta of this.#index.put('Listed', head, raw)) {
            for (const member of members) member.delta(delta);
            // What the watch has not told yet goes to everybody: the index says from now on that it is known.
            if (known?.resourceVersion !== head.resourceVersion) this.#tellOthers(members, known, delta);
          }
        },
      });
      for (const member of members) member.synced();
    } catch (error) {
      for (const member of members) member.waiting = true;
      throw error;
    } finally {
      release();
    }
  }

  #tellOthers(members: readonly Member[], known: ObjectHead | undefined, delta: Delta): void {
    if (delta.type === 'Deleted') return;
    const told: Delta = { ...delta, type: known === undefined ? 'Added' : 'Modified' };
    for (const member of this.#members) if (!members.includes(member)) member.delta(told);
  }

  /** Not what the watch has deleted, nor what it has yet to tell: the end of another object under that name. */
  #shows(head: ObjectHead): boolean {
    if (this.#deleted?.has(head.uid) === true) return false;
    const known = this.#index.get(head.uid);
    if (known !== undefined) return !isOlder(head.resourceVersion, known.resourceVersion);
    return this.#index.holderOf(head) === undefined;
  }

  #waiting(): readonly Member[] {
    return [...this.#members].filter((member) => member.waiting);
  }
}
