/**
 * Carries a function's result back to the API server and keeps the record in step with what that changed, so that our
 * own writes fire nothing and somebody else's change made in between still counts.
 */
import type { FunctionResult } from '../../protocol/result.ts';
import { Applier } from '../apply/applier.ts';
import type { ApplyProblem } from '../apply/apply-task.ts';
import { owe, settleDebt, type WriteBase, writeBaseFrom, writeBaseOf } from '../filter/delivery.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { kindName, type Resource } from '../model/resource.ts';
import type { OwnedKind } from '../model/trigger.ts';
import type { ChildTracker } from './child-tracker.ts';
import type { Delivery } from './delivery.ts';
import type { Entry } from './entry.ts';
import type { OwnWrites } from './own-writes.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';

export interface ResultWriterOptions {
  readonly applier: Applier;
  readonly writes: OwnWrites;
  readonly children: ChildTracker;
  readonly signal: AbortSignal;
  /** Something was done to the entry's record. */
  readonly noted: (entry: Entry) => void;
  /** What was refused for good, or nothing: the `StatusApplied` condition. */
  readonly applied: (entry: Entry, problem: ApplyProblem | undefined) => void;
}

/** Whether there is anything in a result to carry out. */
export function hasWrites(result: FunctionResult | undefined, warnings: readonly string[]): boolean {
  return (
    warnings.length > 0 ||
    (result !== undefined && (changesObjects(result) || (result.events?.length ?? 0) > 0))
  );
}

function changesObjects({ status, conditions, apply }: FunctionResult): boolean {
  return status !== undefined || conditions !== undefined || apply !== undefined;
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
    const { applier, writes, children, signal } = this.#options;
    const { record } = entry;
    const number = (this.#newest.get(entry) ?? 0) + 1;
    this.#newest.set(entry, number);
    if (result.error === undefined && changesObjects(result)) owe(record, delivery.flight);
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
        return writes.newest(entry, base);
      },
      observe: (object, text) => {
        base = object;
        writes.read(entry, object, text);
        before = writeBaseFrom(object, record.recipe);
      },
      isCurrent: () =>
        this.#newest.get(entry) === number && !(entry.gone && record.gone?.reason === 'Deleted'),
      onTry: () => writes.begin(entry),
      onTried: () => writes.end(entry),
      onStatus: (object, text) => writes.written(entry, before, object, text),
      onChild: (child) => children.applied(entry.key, child),
      onPruned: ({ uid }) => children.pruned(uid),
      onRetrying: freeKey,
      signal,
    });
    if (!report.complete) return;
    this.#options.applied(entry, report.problems[0]);
    settleDebt(record);
    this.#options.noted(entry);
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
