/**
 * Keeps the record in step with what our own writes to an object change, so that they fire nothing and somebody else's
 * change made in between still counts: while one is tried, what the watch shows waits for the reply.
 */
import { rebase, type WriteBase } from '../filter/delivery.ts';
import { isBeforeOurs, type Rules } from '../filter/rules.ts';
import type { Clock } from '../lib/clock.ts';
import type { KubeObject } from '../model/kube-object.ts';
import type { ChildTracker } from './child-tracker.ts';
import { type Entry, headOf, parseObject } from './entry.ts';
import type { Intake } from './intake.ts';

export interface OwnWritesOptions {
  readonly intake: Intake;
  readonly children: ChildTracker;
  readonly rules: () => Rules;
  readonly clock: Clock;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  /** A state that nobody had seen before our write came to light: the key has something to deliver. */
  readonly pass: (entry: Entry) => void;
  /** What the watch told during a write has been taken in. */
  readonly released: (entry: Entry) => void;
}

/** Above all versions. */
const NO_MORE = '9'.repeat(20);

/** The last finalizer was taken off what is being deleted: the reply has the version of before (registry/store.go). */
function isLast({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
}

export class OwnWrites {
  readonly #options: OwnWritesOptions;

  constructor(options: OwnWritesOptions) {
    this.#options = options;
  }

  /** A try begins. */
  begin(entry: Entry): void {
    entry.writing += 1;
  }

  /** It has ended, with a reply or without. */
  end(entry: Entry): void {
    entry.writing -= 1;
    if (entry.writing > 0) return;
    this.#options.intake.release(entry);
    this.#options.children.settled(entry.key);
    this.#options.released(entry);
  }

  /** The newest state, where its bytes are at hand: in memory, or what was read or sent last. */
  newest({ raw, record }: Entry, last?: KubeObject): KubeObject | undefined {
    const known = raw === undefined ? last : parseObject(raw);
    return known?.metadata.resourceVersion === record.resourceVersion ? known : undefined;
  }

  /** A state was read for a write. */
  read(entry: Entry, object: KubeObject, text: string): void {
    this.#options.intake.read(entry, text, object, true);
  }

  /**
   * The object was written: what that changed is no change.
   * @param beforeCall the state that is known is sent next, whatever is written here
   */
  written(
    entry: Entry,
    before: WriteBase | undefined,
    object: KubeObject,
    text: string,
    beforeCall = false,
  ): void {
    const { record } = entry;
    const { resourceVersion } = object.metadata;
    if (!isBeforeOurs(record, resourceVersion)) record.writtenAt = isLast(object) ? NO_MORE : resourceVersion;
    if (before === undefined || entry.gone) return;
    const { rules, clock } = this.#options;
    const { version } = record;
    const reply = { head: headOf(object), object: () => object };
    const due = rebase(record, before, reply, rules(), clock.now());
    this.#options.noted(entry);
    const isNewest = resourceVersion === record.resourceVersion;
    if (entry.raw !== undefined && isNewest) entry.raw = text;
    // A state that failed is due after its backoff; only another one comes to light here.
    const isUnderWay = entry.retrying || beforeCall;
    if (due && (!isUnderWay || record.version !== version)) this.#options.pass(entry);
  }
}
