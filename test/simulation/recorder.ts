/** Writes into the history what happens to the objects at the API server. */
import { digestOf } from '../../forwarder/filter/digest.ts';
import type { Recipe } from '../../forwarder/filter/recipe.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import type { Change, ObjectStore } from '../../local-cluster/simulated/object-store.ts';
import type { History } from '../support/history/history.ts';
import { bodyOf } from './body.ts';
import { isHeldBack, recipeFor, type SimulatedTrigger } from './triggers.ts';
import type { VirtualClock } from './virtual-clock.ts';

const WIDGETS = 'widgets.example.com';
const OURS = 'trigger.statewire.dev/';

interface Measure {
  readonly trigger: SimulatedTrigger;
  readonly recipe: Recipe;
}

export class Recorder {
  readonly #history: History;
  readonly #clock: VirtualClock;
  readonly #store: ObjectStore;
  readonly #measures = new Map<string, Measure>();

  constructor(options: {
    readonly history: History;
    readonly clock: VirtualClock;
    readonly store: ObjectStore;
  }) {
    this.#history = options.history;
    this.#clock = options.clock;
    this.#store = options.store;
    options.store.subscribe((change) => {
      if (change.resource === WIDGETS) this.#changed(change);
    });
  }

  /** The trigger counts and selects like this from now on. */
  measure(trigger: SimulatedTrigger): void {
    const before = this.#measures.get(trigger.name);
    const measure = { trigger, recipe: recipeFor(trigger) };
    this.#measures.set(trigger.name, measure);
    if (before === undefined || before.recipe.id === measure.recipe.id) return;
    for (const { object } of this.#store.list(WIDGETS)) {
      const digest = digestFor(object as unknown as KubeObject, measure);
      const { uid } = object['metadata'] as { readonly uid: string };
      this.#history.record({
        fact: 'recount',
        atMs: this.#clock.monotonic(),
        trigger: `shop/${trigger.name}`,
        uid,
        ...(digest !== undefined && { digest }),
      });
    }
  }

  #changed({ before, after, shown }: Change): void {
    const object = shown.object as unknown as KubeObject;
    const { uid, namespace = '', name, resourceVersion: rv, deletionTimestamp } = object.metadata;
    const atMs = this.#clock.monotonic();
    const which = { atMs, uid, name: `${namespace}/${name}`, rv };
    if (after === undefined) {
      this.#history.record({ fact: 'gone', ...which });
      return;
    }
    const stated = statedBy(before?.object as KubeObject | undefined, object);
    const counts: Record<string, string> = {};
    const closed: string[] = [];
    const size = (object['spec'] as { readonly size?: unknown } | undefined)?.size;
    for (const measure of this.#measures.values()) {
      const digest = digestFor(object, measure);
      const trigger = `shop/${measure.trigger.name}`;
      if (digest !== undefined) counts[trigger] = digest;
      if (isHeldBack(measure.trigger, size)) closed.push(trigger);
    }
    this.#history.record({
      fact: 'write',
      ...which,
      counts,
      body: bodyOf(object),
      held: heldBy(object),
      ...(closed.length > 0 && { closed }),
      ...(deletionTimestamp !== undefined && { deleting: true }),
      ...(stated !== undefined && { by: `shop/${stated.trigger}` }),
    });
    if (stated?.id === undefined) return;
    this.#history.record({ fact: 'status', atMs, trigger: `shop/${stated.trigger}`, uid, id: stated.id });
  }
}

function digestFor(object: KubeObject, { trigger: { team }, recipe }: Measure): string | undefined {
  if (team !== undefined && object.metadata.labels?.['team'] !== team) return undefined;
  return digestOf(object, recipe);
}

function heldBy({ metadata: { finalizers = [] } }: KubeObject): string[] {
  return finalizers
    .filter((finalizer) => finalizer.startsWith(OURS))
    .map((finalizer) => `shop/${finalizer.slice(OURS.length)}`);
}

/** Which trigger's part of the status is another now, and what it says. */
function statedBy(
  before: KubeObject | undefined,
  after: KubeObject,
): { readonly trigger: string; readonly id: string | undefined } | undefined {
  const [was, is] = [before?.['status'] ?? {}, after['status'] ?? {}] as Record<string, string | undefined>[];
  for (const trigger of ['t0', 't1', 't2']) {
    if (was?.[trigger] !== is?.[trigger]) return { trigger, id: is?.[trigger] };
  }
  return undefined;
}
