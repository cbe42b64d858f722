import type { Clock, Timer } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Slots } from '../lib/slots.ts';
import type { Delta } from '../model/delta.ts';
import { qualifiedName } from '../model/kube-object.ts';
import type { Meter } from '../model/metrics.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import { listPages } from '../kube/list-pages.ts';
import type { StreamPort } from '../kube/stream-port.ts';
import { isOlder, type ObjectIndex } from './object-index.ts';
import { readSelected } from './read-selected.ts';
import { isBehind, type Suspect, Suspects } from './suspects.ts';

/** Metadata is enough to compare; a server that does not know this form sends whole objects. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
/** An audit comes this much of its period earlier or later, so that those of many processes spread. */
const JITTER = 0.2;
/** What of its period passes before a failed audit is made again. */
const RETRY_SHARE = 0.1;
/** What the watch is given to tell by itself what the list showed. */
const FAIR_MS = 10_000;
/** How often that time is given to a watch that has not come as far as the list; bookmarks come about once a minute. */
const MAX_FAIR_TIMES = 12;
/** More of them are read by a list. */
const MAX_SINGLE_READS = 100;

/** What came of an audit: the `result` label of `statewire_audits_total`. */
type AuditResult = 'clean' | 'repaired' | 'relisted' | 'failed' | 'abandoned';

/** What to compare with, and the watch that told what is known. */
export interface AuditPlace {
  readonly transport: StreamPort;
  readonly path: string;
  /** Where the objects of a namespace are; undefined: those without one. */
  readonly pathOf: (namespace: string | undefined) => string;
  readonly query: Readonly<Record<string, string>>;
  readonly kind: GroupVersionKind;
  readonly source: string;
  /** How far the watch has come. */
  readonly watched: () => string | undefined;
  /** Begins the watch anew, with a list. */
  readonly relist: () => void;
}

/**
 * Compares, from time to time, everything the server has with what the watch has told, and tells what the watch has
 * withheld. etcd and its caches have had bugs of that kind: lost changes, and bookmarks that jump ahead of them.
 *
 * A list of all metadata finds what differs. It becomes a repair only when it still differs after the watch had the
 * time to tell it; then the object is read singly, by a list of its name under the same selectors. All reads are
 * consistent ones. A list that the source needs ends an audit, and the next comes a period later.
 */
export class Audit {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #listSlots: Slots;
  readonly #auditSlots: Slots;
  readonly #index: ObjectIndex;
  readonly #tell: (delta: Delta) => void;
  #timer: Timer | undefined;
  #stopped: AbortController | undefined;
  #suspects: Suspects | undefined;

  constructor(options: {
    /** 0: never. */
    readonly auditIntervalMs: number;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly listSlots: Slots;
    /** Limits how many audits read everything at a time, over all sources. */
    readonly auditSlots: Slots;
    readonly index: ObjectIndex;
    /** Tells everybody. */
    readonly tell: (delta: Delta) => void;
  }) {
    this.#intervalMs = options.auditIntervalMs;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#logger = options.logger;
    this.#meter = options.meter;
    this.#listSlots = options.listSlots;
    this.#auditSlots = options.auditSlots;
    this.#index = options.index;
    this.#tell = options.tell;
  }

  /** A list is complete: audits are made from now on, the first after a random part of the period, until `stop`. */
  open(place: AuditPlace): void {
    this.stop();
    if (this.#intervalMs === 0) return;
    const stopped = new AbortController();
    this.#stopped = stopped;
    this.#schedule(place, stopped.signal, this.#intervalMs * (JITTER + this.#random() * (1 - JITTER)));
  }

  /** Ends the audit that is under way. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stopped?.abort(new Error('the audit was stopped'));
    this.#stopped = undefined;
  }

  /** The watch says that an object is gone. */
  deleted(uid: string): void {
    this.#suspects?.deleted(uid);
  }

  #schedule(place: AuditPlace, signal: AbortSignal, afterMs: number): void {
    this.#timer = this.#clock.after(afterMs, () => {
      this.#timer = undefined;
      void this.#run(place, signal);
    });
  }

  async #run(place: AuditPlace, signal: AbortSignal): Promise<void> {
    const suspects = new Suspects(this.#index);
    this.#suspects = suspects;
    let nextMs = this.#intervalMs * (1 - JITTER + this.#random() * 2 * JITTER);
    let result: AuditResult;
    try {
      result = await this.#audit(place, suspects, signal);
    } catch (error) {
      if (!(error instanceof ApiError) && !signal.aborted) throw error;
      result = signal.aborted ? 'abandoned' : 'failed';
      if (error instanceof ApiError) {
        this.#logger.debug('audit failed', {
          source: place.source,
          code: error.code,
          error: messageOf(error),
        });
        nextMs = Math.max(nextMs * RETRY_SHARE, error.retryAfterMs ?? 0);
      }
    }
    if (this.#suspects === suspects) this.#suspects = undefined;
    this.#meter.count('statewire_audits_total', { source: place.source, result });
    if (!signal.aborted) this.#schedule(place, signal, nextMs);
  }

  async #audit(place: AuditPlace, suspects: Suspects, signal: AbortSignal): Promise<AuditResult> {
    const version = await this.#auditSlots.run(() => this.#compare(place, suspects, signal), signal);
    for (let times = 1; suspects.remaining().length > 0; times++) {
      await this.#clock.sleep(FAIR_MS, signal);
      const watched = place.watched();
      if (watched !== undefined && !isOlder(watched, version)) break;
      if (times === MAX_FAIR_TIMES) break;
    }
    const left = suspects.remaining();
    if (left.length > MAX_SINGLE_READS) {
      this.#relist(place, left);
      return 'relisted';
    }
    let repairs = 0;
    for (const suspect of left) repairs += await this.#repair(place, suspects, suspect, signal);
    return repairs === 0 ? 'clean' : 'repaired';
  }

  /** Returns the version at which everything was compared. */
  async #compare(place: AuditPlace, suspects: Suspects, signal: AbortSignal): Promise<string> {
    const version = await listPages({
      ...place,
      accept: METADATA_ONLY,
      clock: this.#clock,
      signal,
      onBegin: () => suspects.begin(),
      onItem: (head) => suspects.see(head),
      // A list that somebody waits for has its turn after each page.
      aroundPage: (read) => this.#listSlots.run(read, signal),
    });
    suspects.end(version);
    return version;
  }

  #relist({ source, relist }: AuditPlace, left: readonly Suspect[]): void {
    this.#logger.warn('the watch has withheld changes of many objects; listing all', {
      source,
      count: left.length,
    });
    for (const { kind } of left) {
      this.#count(source, kind === 'missing' ? 'added' : kind === 'older' ? 'updated' : 'deleted');
    }
    relist();
  }

  /** Reads one object and tells what is still to be told of it. Returns how much that was. */
  async #repair(
    place: AuditPlace,
    suspects: Suspects,
    { head: { uid, namespace, name } }: Suspect,
    signal: AbortSignal,
  ): Promise<number> {
    const path = place.pathOf(namespace);
    const read = { ...place, path, name, clock: this.#clock, signal };
    const { found, version } = await this.#listSlots.run(() => readSelected(read), signal);
    signal.throwIfAborted();
    const deltas = found?.head.uid === uid ? [] : this.#index.lose(uid, version);
    if (found !== undefined && !suspects.isDeleted(found.head.uid)) {
      const known = this.#index.get(found.head.uid);
      if (known === undefined) deltas.push(...this.#index.put('Added', found.head, found.raw));
      else if (isBehind(known.resourceVersion, found.head.resourceVersion)) {
        deltas.push(...this.#index.put('Modified', found.head, found.raw));
      }
    }
    for (const delta of deltas) this.#told(place.source, delta);
    return deltas.length;
  }

  #told(source: string, delta: Delta): void {
    const kind = delta.type === 'Deleted' ? 'deleted' : delta.type === 'Modified' ? 'updated' : 'added';
    this.#count(source, kind);
    const { uid } = delta.head;
    this.#logger.warn('the watch has withheld a change; it was read from the server', {
      source,
      key: qualifiedName(delta.head),
      uid,
      reason: kind,
    });
    this.#tell(delta);
  }

  #count(source: string, kind: 'added' | 'updated' | 'deleted'): void {
    this.#meter.count('statewire_audit_repairs_total', { source, kind });
  }
}
