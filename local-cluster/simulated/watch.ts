import { Readable } from 'node:stream';
import type { Clock, Timer } from '../../forwarder/lib/clock.ts';
import { type Change, CompactedError, type ObjectStore, type Stored } from './object-store.ts';
import { eventText, frameOf, type View } from './representation.ts';
import { JSON_HEADERS, type SimulatedStream } from './request.ts';
import type { Selector } from './selectors.ts';
import { expired, StatusError } from './status-error.ts';
import type { WatchCache } from './watch-cache.ts';

/** Without timeoutSeconds, a watch ends after this. */
const DEFAULT_TIMEOUT_MS = 1_800_000;
/** A reader that is this far behind is dropped. */
const MAX_BEHIND_BYTES = 32 * 1024 * 1024;

export interface WatchOptions {
  readonly view: View;
  /** Begins with this: `namespace/`, or nothing for all. */
  readonly keyPrefix: string;
  readonly selector: Selector | undefined;
  readonly query: Readonly<Record<string, string>>;
  readonly store: ObjectStore;
  readonly cache: WatchCache;
  readonly clock: Clock;
  readonly bookmarkEveryMs: number;
}

/** One watch of a resource: a stream of events, one per line. */
export class Watch {
  readonly stream: Readable;
  readonly #options: WatchOptions;
  #sentRevision = 0;
  #unsubscribe: () => void = () => undefined;
  readonly #timers: Timer[] = [];
  #bookmarks: Timer | undefined;
  /** Half-open: the connection stands and nothing comes. */
  #stalled = false;

  constructor(options: WatchOptions, onClose: () => void) {
    this.#options = options;
    this.stream = new Readable({
      read() {},
      destroy: (error, done) => {
        this.#stop();
        onClose();
        done(error);
      },
    });
    // Whoever reads it listens too; until then a lost connection is no crash.
    this.stream.on('error', () => undefined);
  }

  /** Throws StatusError for a query that makes no sense. */
  start(): SimulatedStream {
    const { query, clock, store, cache } = this.#options;
    const { resourceVersion = '', sendInitialEvents, timeoutSeconds } = query;
    checkQuery(query);
    const timeoutMs = Number(timeoutSeconds ?? 0) * 1000 || DEFAULT_TIMEOUT_MS;
    this.#timers.push(clock.after(timeoutMs, () => this.#end()));
    if (sendInitialEvents === 'true') {
      const wanted = resourceVersion === '' || resourceVersion === '0' ? undefined : Number(resourceVersion);
      const needed = wanted ?? (resourceVersion === '0' ? 0 : store.revision);
      cache.whenAt(
        needed,
        () => this.#initial(true),
        () => this.#fail(tooLarge(needed, cache.revision)),
      );
    } else if (resourceVersion === '0' || resourceVersion === '') {
      if (sendInitialEvents === 'false' || resourceVersion === '')
        this.#follow(cache.revision, resourceVersion === '');
      else this.#initial(false);
    } else {
      this.#resume(Number(resourceVersion));
    }
    return { status: 200, headers: JSON_HEADERS, stream: this.stream };
  }

  /** The connection is lost. */
  cut(): void {
    this.stream.destroy(new Error('connection lost'));
  }

  /** Nothing comes any more, and nobody is told. */
  stall(): void {
    this.#stalled = true;
  }

  /** Ends it as a server does that shuts down. */
  end(): void {
    this.#end();
  }

  /** Everything there is, then what comes. */
  #initial(bookmark: boolean): void {
    if (this.stream.destroyed) return;
    const { cache } = this.#options;
    this.#state(cache.revision);
    if (bookmark) this.#bookmark(cache.revision, true);
    this.#subscribe(cache.revision);
  }

  #state(revision: number): void {
    const { view, keyPrefix, selector, cache } = this.#options;
    for (const stored of cache.list(view.kind.resource)) {
      if (stored.key.startsWith(keyPrefix) && (selector?.(stored.object) ?? true)) {
        this.#push(frameOf('ADDED', stored, view));
      }
    }
    this.#sentRevision = revision;
  }

  /** From the newest version on; where no version was named, with everything there is before. */
  #follow(revision: number, withState: boolean): void {
    if (withState) this.#state(revision);
    this.#subscribe(revision);
  }

  #resume(revision: number): void {
    const { store, cache, view } = this.#options;
    let missed: readonly Change[];
    try {
      missed = store.since(revision);
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      this.#fail(expired(`too old resource version: ${revision} (${store.compacted})`));
      return;
    }
    this.#sentRevision = revision;
    for (const change of missed) {
      if (change.revision > cache.revision) break;
      if (change.resource === view.kind.resource) this.#tell(change);
    }
    this.#subscribe(Math.max(revision, cache.revision));
  }

  #subscribe(revision: number): void {
    const { cache, view, query, clock, bookmarkEveryMs } = this.#options;
    this.#sentRevision = Math.max(this.#sentRevision, revision);
    this.#unsubscribe = cache.subscribe(view.kind.resource, (change) => this.#tell(change));
    if (query['allowWatchBookmarks'] !== 'true' || bookmarkEveryMs === Infinity) return;
    const again = (): void => {
      this.#bookmarks = clock.after(bookmarkEveryMs, () => {
        this.#bookmark(Math.max(cache.revision, this.#sentRevision), false);
        again();
      });
    };
    again();
  }

  /** A change of what the selector lets through; an object that leaves it is deleted to this watch. */
  #tell(change: Change): void {
    const { view, keyPrefix, selector } = this.#options;
    const { before, after, shown, revision } = change;
    if (revision <= this.#sentRevision || !shown.key.startsWith(keyPrefix)) return;
    const selects = (stored: Stored | undefined): boolean =>
      stored !== undefined && (selector === undefined || selector(stored.object));
    const was = selects(before);
    const is = selects(after);
    if (is) this.#push(frameOf(was ? 'MODIFIED' : 'ADDED', shown, view));
    else if (was) this.#push(frameOf('DELETED', after === undefined ? shown : lastSeen(change), view));
    this.#sentRevision = revision;
  }

  #bookmark(revision: number, ends: boolean): void {
    const { kind, apiVersion } = this.#options.view.kind;
    const annotations = ends ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const metadata = { resourceVersion: String(revision), ...annotations };
    this.#push(Buffer.from(eventText('BOOKMARK', JSON.stringify({ apiVersion, kind, metadata }))));
  }

  #fail(error: StatusError): void {
    this.#push(Buffer.from(eventText('ERROR', error.body().trimEnd())));
    this.#end();
  }

  #push(frame: Buffer): void {
    if (this.#stalled || this.stream.destroyed) return;
    this.stream.push(frame);
    if (this.stream.readableLength > MAX_BEHIND_BYTES) this.#end();
  }

  #end(): void {
    this.#stop();
    if (!this.#stalled && !this.stream.destroyed) this.stream.push(null);
  }

  #stop(): void {
    this.#unsubscribe();
    this.#bookmarks?.cancel();
    this.#bookmarks = undefined;
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }
}

/** An object as it was while it was still selected, under the version in which it no longer is. */
function lastSeen({ before, revision }: Change): Stored {
  const { resource, key, object } = before as Stored;
  const metadata = { ...object['metadata'], resourceVersion: String(revision) };
  const last = { ...object, metadata };
  return { resource, key, revision, object: last, text: JSON.stringify(last) };
}

function checkQuery({
  resourceVersion = '',
  resourceVersionMatch,
  sendInitialEvents,
}: Readonly<Record<string, string>>): void {
  if (!/^\d*$/.test(resourceVersion)) {
    throw new StatusError(
      400,
      `Invalid value: ${JSON.stringify(resourceVersion)}: strconv.ParseUint: invalid syntax`,
    );
  }
  if (sendInitialEvents !== undefined && resourceVersionMatch !== 'NotOlderThan') {
    throw new StatusError(
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      { reason: 'Invalid' },
    );
  }
  if (sendInitialEvents === undefined && resourceVersionMatch !== undefined) {
    throw new StatusError(
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      { reason: 'Invalid' },
    );
  }
}

/** A version that this API server has not seen within three seconds. */
export function tooLarge(wanted: number, current: number): StatusError {
  return new StatusError(504, `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}
