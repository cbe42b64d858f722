import type { Clock } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { ObjectHead } from '../model/delta.ts';
import type { Meter } from '../model/metrics.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import { isConnectionRefused } from '../kube/api-error.ts';
import { listPages } from '../kube/list-pages.ts';
import type { StreamPort } from '../kube/stream-port.ts';
import { type WatchEvent, watchStream } from '../kube/watch-stream.ts';
import { Backoff } from './backoff.ts';
import { nextStep, type RelistReason, type RoundEnd, type Step } from './next-step.ts';
import { isOlder } from './object-index.ts';
import type { Slots } from '../lib/slots.ts';

/** Bookmarks come about once a minute where anything changes; a longer silence ends the watch, which costs little. */
const WATCH_IDLE_MS = 90_000;
/** A streaming list that stops before its end. */
const LIST_IDLE_MS = 30_000;
const RETRY_AFTER_JITTER = 0.25;
/** How long a server that refused a streaming list is not asked for one again. */
const STREAMING_REFUSED_MS = 600_000;

/** What a reflector tells, in this order: listBegins, item…, listEnds, change… and over again. */
export interface ReflectorHandler {
  /** A list begins; one that has not ended is void. */
  listBegins(): void;
  item(head: ObjectHead, raw: string): void;
  /** Everything has been shown, as of this version. */
  listEnds(resourceVersion: string): void;
  change(event: Extract<WatchEvent, { raw: string }>): void;
  /** The API server has answered as wanted. */
  healthy(): void;
  failed(error: ApiError): void;
  /** Bytes have come. */
  alive(): void;
}

export interface ReflectorOptions {
  readonly transport: StreamPort;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly kind: GroupVersionKind;
  /** The `source` label and log field. */
  readonly source: string;
  readonly handler: ReflectorHandler;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly listSlots: Slots;
}

/**
 * Lists one kind of objects and watches it from there on, for ever: what the server has is what the handler is told,
 * through lost connections, restarts and compaction. It goes on from the last version wherever the server allows it,
 * and lists again only where that version is gone.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #backoff: Backoff;
  /** From where a watch goes on; undefined before the first list. */
  #version: string | undefined;
  #streamingFromMs = 0;
  #skipStreaming = false;
  #relistAsked = false;
  /** Ends the watch that is open, as if it had failed so. */
  #endWatch: ((error: ApiError) => void) | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  /** Everything up to this version has been told, as far as the server says. Undefined before the first list. */
  get version(): string | undefined {
    return this.#version;
  }

  /** Lists everything again instead of going on with the watch: the watch cannot be trusted. */
  relist(): void {
    this.#relistAsked = true;
    this.#endWatch?.(new ApiError('API_EXPIRED', 'the watch has withheld changes'));
  }

  /** Resolves when the kind is not served (404); rejects with the signal's reason and nothing else. */
  async run(signal: AbortSignal): Promise<void> {
    const { handler, meter, source, logger } = this.#options;
    let relist: RelistReason | undefined = 'start';
    let lastCode: string | undefined;
    let repeats = 0;
    for (;;) {
      signal.throwIfAborted();
      if (this.#relistAsked) relist = 'audit';
      this.#relistAsked = false;
      const phase: 'watch' | 'stream' | 'pages' =
        relist === undefined ? 'watch' : this.#streamingAllowed() ? 'stream' : 'pages';
      if (relist !== undefined) meter.count('statewire_relists_total', { source, reason: relist });
      const round: { end: RoundEnd; phase: typeof phase } =
        phase === 'pages'
          ? { end: await this.#listRound(signal), phase }
          : await this.#watchRound(phase === 'stream', signal);
      signal.throwIfAborted();
      const { end } = round;
      if (end.kind === 'listed') {
        relist = undefined;
        repeats = 0;
        continue;
      }
      const code: string = end.kind === 'failed' ? end.error.code : end.how;
      repeats = code === lastCode && end.events === 0 ? repeats + 1 : 0;
      lastCode = code;
      const step = nextStep(end, { phase: round.phase, repeats });
      if (end.kind === 'failed') {
        handler.failed(end.error);
        logger.debug('list or watch failed', { code, error: messageOf(end.error) });
      }
      if (step.kind === 'absent') return;
      if (round.phase === 'watch') {
        meter.count('statewire_watch_restarts_total', { source, reason: step.restart });
      }
      relist = step.relist;
      this.#skipStreaming = step.streaming === 'skip';
      if (step.streaming === 'refused') this.#streamingFromMs = this.#nowMs() + STREAMING_REFUSED_MS;
      if (end.kind === 'ended' && step.backoff === undefined) this.#backoff.reset();
      const waitMs = this.#wait(step);
      if (waitMs > 0) await this.#options.clock.sleep(waitMs, signal);
    }
  }

  #wait({ backoff, retryAfterMs }: Extract<Step, { kind: 'again' }>): number {
    const backoffMs = backoff === undefined ? 0 : this.#backoff.next(backoff, this.#nowMs());
    if (retryAfterMs === undefined) return backoffMs;
    // As the server asks, spread a little, because it asks the same of everybody.
    return retryAfterMs * (1 + this.#options.random() * RETRY_AFTER_JITTER);
  }

  async #listRound(signal: AbortSignal): Promise<RoundEnd> {
    const { handler, listSlots, transport, path, query, kind, clock } = this.#options;
    const release = await listSlots.take(signal);
    try {
      this.#version = await listPages({
        transport,
        path,
        query,
        kind,
        clock,
        signal,
        onBegin: () => handler.listBegins(),
        onItem: (head, raw) => handler.item(head, raw),
        onBytes: () => handler.alive(),
      });
      this.#backoff.reset();
      handler.healthy();
      handler.listEnds(this.#version);
      return { kind: 'listed' };
    } catch (error) {
      return failure(error, 0);
    } finally {
      release();
    }
  }

  /** A watch; `listing`: one that begins with every object. */
  async #watchRound(
    listing: boolean,
    signal: AbortSignal,
  ): Promise<{ end: RoundEnd; phase: 'watch' | 'stream' }> {
    const { handler, listSlots, clock, random, transport, path, query, meter, source } = this.#options;
    const release = listing ? await listSlots.take(signal) : undefined;
    const jitter = 0.9 + random() * 0.2;
    let phase: 'watch' | 'stream' = listing ? 'stream' : 'watch';
    let events = 0;
    let openMs = this.#nowMs();
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#endWatch = (error) => stop.abort(error);
    try {
      const how = await watchStream({
        transport,
        path,
        query,
        resourceVersion: listing ? undefined : this.#version,
        clock,
        random,
        signal: stop.signal,
        idleMs: () => (phase === 'stream' ? LIST_IDLE_MS : WATCH_IDLE_MS * jitter),
        onOpen: () => {
          openMs = this.#nowMs();
          handler.alive();
          if (phase === 'stream') handler.listBegins();
          else handler.healthy();
        },
        onBytes: () => handler.alive(),
        onEvent: (event) => {
          events++;
          meter.count('statewire_watch_events_total', { source, type: event.type.toLowerCase() });
          this.#backoff.reset();
          if (phase === 'watch') {
            this.#take(event);
          } else if (event.type === 'BOOKMARK' && event.endsInitialEvents) {
            phase = 'watch';
            release?.();
            this.#version = event.resourceVersion;
            handler.healthy();
            handler.listEnds(event.resourceVersion);
          } else if (event.type === 'ADDED' || event.type === 'MODIFIED') {
            handler.item(event.head, event.raw);
          } else if (event.type === 'DELETED') {
            // Cannot be in a list; should a server do it, the object is just not part of it.
            throw new ApiError('API_PROTOCOL', 'a streaming list holds a deletion');
          }
        },
      });
      return { end: { kind: 'ended', how, events, lastedMs: this.#nowMs() - openMs }, phase };
    } catch (error) {
      return { end: failure(error, events), phase };
    } finally {
      this.#endWatch = undefined;
      signal.removeEventListener('abort', onAbort);
      release?.();
    }
  }

  #take(event: WatchEvent): void {
    if (event.type === 'UNKNOWN') return;
    const version = event.type === 'BOOKMARK' ? event.resourceVersion : event.head.resourceVersion;
    // A replay of what has been seen: nothing may go back in time.
    if (this.#version !== undefined && isOlder(version, this.#version)) return;
    if (event.type !== 'BOOKMARK') this.#options.handler.change(event);
    this.#version = version;
  }

  #streamingAllowed(): boolean {
    return !this.#skipStreaming && this.#nowMs() >= this.#streamingFromMs;
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}

/** Anything but an ApiError is a bug or the signal's reason, and goes on upwards. */
function failure(error: unknown, events: number): RoundEnd {
  if (!(error instanceof ApiError)) throw error;
  return { kind: 'failed', error, refused: isConnectionRefused(error), events };
}
