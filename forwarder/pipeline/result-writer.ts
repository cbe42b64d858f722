/**
 * Carries a function's result back to the API server and keeps the record in step with what that changed, so that our
 * own writes fire nothing and somebody else's change made in between still counts.
 */
import type { FunctionResult } from '../../protocol/result.ts';
import { Applier } from '../apply/applier.ts';
import type { ApplyProblem } from '../apply/apply-task.ts';
import { rebase, type WriteBase, writeBaseFrom, writeBaseOf } from '../filter/delivery.ts';
import type { Rules } from '../filter/rules.ts';
import type { Clock } from '../lib/clock.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { kindName, type Resource } from '../model/resource.ts';
import type { OwnedKind } from '../model/trigger.ts';
import type { ChildTracker } from './child-tracker.ts';
import type { Delivery } from './delivery.ts';
import { type Entry, headOf, parseObject } from './entry.ts';
import type { Intake } from './intake.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';

export interface ResultWriterOptions {
  readonly applier: Applier;
  readonly intake: Intake;
  readonly children: ChildTracker;
  readonly rules: () => Rules;
  /** A state that nobody had seen before our write came to light: the key has something to deliver. */
  readonly pass: (entry: Entry) => void;
  /** What the watch told during a write has been taken in. */
  readonly released: (entry: Entry) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What was refused for good, or nothing: the `StatusApplied` condition. */
  readonly applied: (entry: Entry, problem: ApplyProblem | undefined) => void;
}

/** Whether there is anything in a result to carry out. */
export function hasWrites(result: FunctionResult | undefined, warnings: readonly string[]): boolean {
  return (
    warnings.length > 0 ||
    (result !== undefined &&
      (result.status !== undefined ||
        result.conditions !== undefined ||
        result.apply !== undefined ||
        (result.events?.length ?? 0) > 0))
  );
}

export class ResultWriter {
  readonly #options: ResultWriterOptions;
  /** Number of the newest result of each object; an older one that still waits gives up. */
  readonly #newest = new WeakMap<Entry, number>();
  /** Writes under way, first tries and retries alike. */
  readonly #running = new Set<Promise<void>>();

  constructor(options: ResultWriterOptions) {
    this.#options = options;
  }

  /** Resolves when everything was tried once; what has to wait for the API server goes on by itself. */
  write(
    entry: Entry,
    delivery: Delivery,
    resource: Resource,
    result: FunctionResult,
    warnings: readonly string[],
  ): Promise<void> {
    return new Promise((resolve) => {
      const running = this.#write(entry, delivery, resource, result, warnings, resolve).finally(() => {
        this.#running.delete(running);
        resolve();
      });
      this.#running.add(running);
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  forget(entry: Entry): void {
    this.#options.applier.forget(entry.record.uid);
  }

  async #write(
    entry: Entry,
    delivery: Delivery,
    resource: Resource,
    result: FunctionResult,
    warnings: readonly string[],
    freeKey: () => void,
  ): Promise<void> {
    const { applier, intake, children, signal } = this.#options;
    const { record } = entry;
    const number = (this.#newest.get(entry) ?? 0) + 1;
    this.#newest.set(entry, number);
    let base: KubeObject = delivery.object;
    let before: WriteBase | undefined;
    const report = await applier.apply({
      resource,
      uid: record.uid,
      ...(record.namespace !== undefined && { namespace: record.namespace }),
      name: record.name,
      ...(delivery.object.metadata.generation !== undefined && {
        deliveredGeneration: delivery.object.metadata.generation,
      }),
      result,
      warnings,
      childrenRead: byKind(delivery),
      newest: () => {
        before = writeBaseOf(record);
        const known = entry.raw === undefined ? base : parseObject(entry.raw);
        return known.metadata.resourceVersion === record.resourceVersion ? known : undefined;
      },
      observe: (object, text) => {
        base = object;
        intake.read(entry, text, object, true);
        before = writeBaseFrom(object, record.recipe);
      },
      isCurrent: () =>
        this.#newest.get(entry) === number && !(entry.gone && record.gone?.reason === 'Deleted'),
      onTry: () => {
        entry.writing += 1;
      },
      onTried: () => {
        entry.writing -= 1;
        if (entry.writing > 0) return;
        intake.release(entry);
        children.settled(entry.key);
        this.#options.released(entry);
      },
      onStatus: (object, text) => this.#written(entry, before, object, text),
      onChild: (child) => children.applied(entry.key, child),
      onPruned: ({ uid }) => children.pruned(uid),
      onRetrying: freeKey,
      signal,
    });
    if (report.complete) this.#options.applied(entry, report.problems[0]);
  }

  /** A status was written: what that changed is no change. */
  #written(entry: Entry, before: WriteBase | undefined, object: KubeObject, text: string): void {
    const { record } = entry;
    if (before === undefined || entry.gone) return;
    const { rules, clock } = this.#options;
    const { version } = record;
    const reply = { head: headOf(object), object: () => object };
    const due = rebase(record, before, reply, rules(), clock.now());
    const isNewest = object.metadata.resourceVersion === record.resourceVersion;
    if (entry.raw !== undefined && isNewest) entry.raw = text;
    // A state that failed is due after its backoff; only another one comes to light here.
    if (due && (!entry.retrying || record.version !== version)) this.#options.pass(entry);
  }
}

/** Only kinds whose children are all known: it saves looking for what there is to prune. */
function byKind(delivery: Delivery): ReadonlyMap<string, readonly KubeObject[]> {
  return new Map(
    delivery.completeKinds.map((kind) => [
      kindName(kind),
      delivery.children.filter(({ ref }) => kindName(ref) === kindName(kind)).map(({ object }) => object),
    ]),
  );
}

/** What carries out the results of one trigger. */
export function applierOf(
  services: Services,
  { trigger, fieldManager }: Setup,
  ownedKinds: () => readonly OwnedKind[],
): Applier {
  const { client, schemas, discovery, clock, random, logger, meter, recorder, writeSlots } = services;
  return new Applier({
    client,
    schemas,
    resources: discovery,
    clock,
    random,
    logger,
    meter,
    recorder,
    writeSlots,
    trigger: trigger.identity,
    fieldManager,
    ownedKinds,
  });
}
