/**
 * From a delta to a key that waits for quiet: every observation is judged against the object's record, and what does
 * not matter ends here, counted by reason.
 */
import { invalidate, want } from '../filter/delivery.ts';
import { judgeGone, observe } from '../filter/judge.ts';
import { isOver, type Wish } from '../filter/record.ts';
import { needsDelivery, takeHeld, type Rules, updateEnding, wantsDeleted } from '../filter/rules.ts';
import type { Logger } from '../lib/logger.ts';
import type { Clock } from '../lib/clock.ts';
import { compareResourceVersions, type Delta, type ObjectHead } from '../model/delta.ts';
import { type KubeObject, type ObjectKey, qualifiedName } from '../model/kube-object.ts';
import type { Meter } from '../model/metrics.ts';
import type { Verdict } from '../model/verdict.ts';
import { type Entries, Entry, headOf, parseObject, type SeenDelta } from './entry.ts';

export interface IntakeOptions {
  readonly entries: Entries;
  /** `namespace/name` of the trigger. */
  readonly trigger: string;
  /** Undefined until the kind is resolved, and where it is not the trigger's to see: then nothing is taken in. */
  readonly rules: () => Rules | undefined;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** A key has something to deliver. Deletions and the first sync do not wait for quiet. */
  readonly pass: (
    key: ObjectKey,
    options: { readonly immediate: boolean; readonly background: boolean },
  ) => void;
  /** Whether the key waits for quiet. */
  readonly settling: (key: ObjectKey) => boolean;
  /** An object is seen for the first time. */
  readonly met: (entry: Entry) => void;
  /** A key has nothing to deliver any more: its entry is gone. */
  readonly forget: (entry: Entry) => void;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  /** `when` failed for that object, or no longer does. */
  readonly filterHealth: (entry: Entry, problem: string | undefined) => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  /**
   * While the first list or that of a changed selection is being read: what has not been shown yet, by name. After a
   * damaged checkpoint, there may be two lives of one.
   */
  readonly #unlisted = new Map<string, readonly Entry[]>();
  #firstSync = true;
  /** Whether an earlier process has seen every object once. */
  #isResumed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Takes in what the source says of one object. */
  delta(delta: Delta): void {
    if (this.#options.rules() === undefined) return;
    const entry = this.#options.entries.get(delta.head.key);
    const isFirst = delta.type !== 'Deleted' && this.#listed(delta.head) && this.#firstSync;
    if (entry !== undefined && entry.writing > 0 && delta.type !== 'Deleted') {
      // The reply to our own write says first what that write changed; the newest state waits for it.
      if (entry.held === undefined || isNewer(delta, entry.held)) entry.held = delta;
      return;
    }
    if (delta.type === 'Deleted') this.#gone(delta, entry);
    else this.#seen(delta, entry, { isFirst: entry === undefined || isFirst });
  }

  /** Somebody wants the object sent although nothing has changed. */
  wish(key: ObjectKey, wish: Wish): void {
    const { entries, clock, pass } = this.#options;
    const entry = entries.get(key);
    const rules = this.#options.rules();
    if (entry === undefined || rules === undefined) return;
    if (wish.reason === 'Child') entry.childChanges++;
    const verdict = want(entry.record, wish, rules);
    this.#options.noted(entry);
    if (!this.#counted(verdict, entry)) return;
    entry.waitingSinceMs ??= clock.monotonic();
    // Children change in bursts, as objects do; what was due at a time does not wait for quiet.
    const settles = wish.reason === 'Child';
    pass(key, { immediate: !settles, background: !settles && wish.reason !== 'Requeue' });
  }

  /** Takes in a state that was read. @param wake false where it is about to be delivered anyway */
  read(entry: Entry, raw: string, object: KubeObject, wake: boolean): void {
    // It may exist and yet have left the selection; the watch alone tells that it is back.
    if (entry.gone) return;
    this.#seen({ type: 'Modified', head: headOf(object), raw }, entry, { wake });
  }

  /** Takes in an object outside the selection that is still held: it has left, or its trigger is leaving. */
  stray(head: ObjectHead, raw: string): void {
    const { entries, clock, noted, pass } = this.#options;
    const rules = this.#options.rules();
    // The list in which it stands may be older than its release, which ended it.
    if (rules === undefined || entries.get(head.key) !== undefined || entries.isBeforeOurs(head)) return;
    const object = (): KubeObject => parseObject(raw);
    const seen = { type: 'Listed', head, raw, object, inFirstSync: false, nowMs: clock.now() } as const;
    const { record } = observe(undefined, seen, rules);
    const entry = new Entry(head.key, record);
    entry.raw = raw;
    entries.add(entry);
    if (rules.leaving !== true) this.#leave(entry, head.resourceVersion);
    else if (needsDelivery(record, rules)) pass(entry.key, { immediate: true, background: false });
    noted(entry);
  }

  /** The reply to a write has come: what the watch showed meanwhile is taken in. */
  release(entry: Entry): void {
    const { held } = entry;
    entry.held = undefined;
    if (held !== undefined) this.#seen(held, entry);
  }

  /** The trigger was edited: every object is judged anew when it is listed, and what is not listed has left. */
  expectRelist(options: { readonly selectionChanged: boolean }): void {
    for (const entry of this.#options.entries) invalidate(entry.record);
    // An edit of anything else leaves the list that is still to come as it is.
    if (!options.selectionChanged) return;
    this.#unlisted.clear();
    for (const entry of this.#options.entries) {
      // The new list says it again where the object is still selected; until then what is sent is read.
      if (entry.held !== undefined) entry.raw = undefined;
      entry.held = undefined;
      if (!entry.gone) this.#expect(entry);
    }
  }

  /** Goes on where an earlier process ended: of what it knew, what the first list does not show is gone. */
  resume(resumed: { readonly initialSynced: boolean } | undefined): void {
    this.#isResumed = resumed?.initialSynced ?? false;
    for (const entry of this.#options.entries) if (!entry.gone) this.#expect(entry);
  }

  /** The trigger was edited, or goes on after a restart: what waits may be due now, or never. */
  reconsider(entry: Entry): void {
    const { rules, settling, forget, pass } = this.#options;
    const now = rules();
    if (now === undefined) return;
    const { key, record, gone } = entry;
    updateEnding(record, now);
    if (gone && !wantsDeleted(record, now)) forget(entry);
    else if (needsDelivery(record, now) && !settling(key))
      pass(key, { immediate: isOver(record), background: false });
  }

  /** Sends all again. */
  redeliver(value: string): void {
    for (const { key } of this.#options.entries) this.wish(key, { reason: 'Redeliver', value });
  }

  /** A list is complete. */
  synced(): void {
    this.#firstSync = false;
    for (const entry of [...this.#unlisted.values()].flat()) this.#leave(entry, entry.record.resourceVersion);
    this.#unlisted.clear();
  }

  #expect(entry: Entry): void {
    this.#unlisted.set(entry.name, [...(this.#unlisted.get(entry.name) ?? []), entry]);
  }

  /**
   * An object is there. One that had its name before is not: the new watch does not know of it.
   *
   * @returns whether it was still to be shown
   */
  #listed(head: ObjectHead): boolean {
    const name = qualifiedName(head);
    const before = this.#unlisted.get(name) ?? [];
    this.#unlisted.delete(name);
    for (const entry of before) if (entry.key !== head.key) this.#leave(entry, head.resourceVersion);
    return before.some(({ key }) => key === head.key);
  }

  #seen(delta: SeenDelta, known: Entry | undefined, { wake = true, isFirst = false } = {}): void {
    const { head, raw } = delta;
    const { clock, entries } = this.#options;
    const rules = this.#options.rules();
    // It was known before, and a list or a watch that lags shows what was before our last write to it.
    if (rules === undefined || (known === undefined && entries.isBeforeOurs(head))) return;
    let object: ReturnType<typeof parseObject> | undefined;
    const { record, verdict, error, newest } = observe(
      known?.record,
      {
        type: delta.type,
        head,
        raw,
        object: () => (object ??= parseObject(raw)),
        inFirstSync: this.#firstSync && !this.#isResumed,
        nowMs: clock.now(),
      },
      rules,
    );
    const entry = known ?? new Entry(head.key, record);
    if (known === undefined) {
      entries.add(entry);
      this.#options.met(entry);
    }
    this.#options.noted(entry);
    if (rules.when !== undefined) this.#options.filterHealth(entry, error?.message);
    const pending = needsDelivery(record, rules);
    // A watch that lags behind what was read, or behind a reply, shows an older state.
    if (newest) entry.raw = pending ? raw : undefined;
    if (!pending) entry.waitingSinceMs = undefined;
    if (!this.#counted(verdict, entry) || !wake) return;
    entry.waitingSinceMs ??= clock.monotonic();
    entry.targetFailures = 0;
    this.#options.pass(head.key, {
      // What else a list shows of a known object may not have settled; what it brings in was there before.
      immediate: record.ending || (delta.type === 'Listed' && isFirst),
      background: delta.type === 'Listed' && !record.ending,
    });
  }

  #gone(delta: Extract<Delta, { type: 'Deleted' }>, entry: Entry | undefined): void {
    if (entry === undefined) return;
    entry.held = undefined;
    if (entry.gone) return;
    const { raw } = delta;
    const rules = this.#options.rules();
    if (raw !== undefined && rules !== undefined) {
      entry.raw = raw;
      // A write of ours may have got there whose reply is still on its way.
      takeHeld(entry.record, { ...delta.head, raw, object: () => parseObject(raw) }, rules);
    }
    this.#leave(entry, delta.head.resourceVersion);
  }

  #leave(entry: Entry, resourceVersion: string): void {
    if (entry.gone) return;
    const { clock, entries } = this.#options;
    const gone = { reason: 'Deleted', resourceVersion, nowMs: clock.now() } as const;
    const rules = this.#options.rules();
    if (rules === undefined) return;
    const verdict = judgeGone(entry.record, gone, rules);
    if (!this.#counted(verdict, entry)) {
      this.#options.forget(entry);
      return;
    }
    this.#options.noted(entry);
    entries.bury(entry);
    entry.waitingSinceMs = clock.monotonic();
    this.#options.pass(entry.key, { immediate: true, background: false });
  }

  /** Counts and logs what was decided; true where it passes. */
  #counted(verdict: Verdict, entry: Entry): boolean {
    const { trigger, meter, logger } = this.#options;
    if (verdict.kind === 'drop') meter.count('statewire_filtered_total', { trigger, reason: verdict.reason });
    if (logger.debugEnabled) {
      const { name, record } = entry;
      const said = verdict.kind === 'drop' ? { reason: verdict.reason } : {};
      logger.debug(verdict.kind === 'drop' ? 'change dropped' : 'change passed', {
        key: name,
        uid: record.uid,
        ...said,
      });
    }
    return verdict.kind === 'pass';
  }
}

function isNewer(a: Delta, b: Delta): boolean {
  return compareResourceVersions(a.head.resourceVersion, b.head.resourceVersion) >= 0;
}
