/**
 * A small world around one record: an object that others and we ourselves write, a watch that lags behind, a function
 * that is called. It reckons by whole objects what the record knows by digests, and asserts at every call.
 */
import assert from 'node:assert/strict';
import {
  begin,
  fail,
  type Flight,
  invalidate,
  rebase,
  succeed,
  want,
  writeBaseFrom,
  writeBaseOf,
} from '../../../forwarder/filter/delivery.ts';
import { judgeGone, observe } from '../../../forwarder/filter/judge.ts';
import type { Recipe } from '../../../forwarder/filter/recipe.ts';
import { isUnmet, type ObjectRecord } from '../../../forwarder/filter/record.ts';
import { admit, needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { WhenError } from '../../../forwarder/filter/when-error.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { headOf } from '../../../forwarder/pipeline/entry.ts';
import { changes, MANAGER, object, rules, seen } from './objects.ts';

export const RECIPES: readonly Recipe[] = [
  changes('Spec'),
  changes('Spec', 'Status', 'Labels'),
  changes('Spec', 'Labels'),
];

export interface Setup {
  readonly recipe: Recipe;
  /** `when` is true while the status is 0, false while it is 1, and fails while it is 2. */
  readonly gated: boolean;
  /** Whether the trigger has a selector, which the object may leave. */
  readonly selected: boolean;
}

/** `undefined`: there is none, or another call may have undone it. `unsure`: an edit leaves it open. */
type Known = KubeObject | 'unsure' | undefined;

export class RecordWorld {
  #rv = 1;
  #generation = 1;
  #spec = 0;
  #status = 0;
  #label = 0;
  /** A status field that either somebody else or our own manager has stated last. */
  #shared = { value: 0, own: false };
  /** A status field that is always ours. */
  #phase = 0;

  #rules: Rules;
  #record: ObjectRecord | undefined;
  /** Every state there ever was, by resourceVersion; and those that the watch has not shown yet. */
  readonly #states = new Map<string, KubeObject>();
  #watch: KubeObject[] = [];

  #flight: { readonly flight: Flight; sent: Known; readonly wishes: number } | undefined;
  /** The state that the function was last called for successfully. */
  #done: Known;
  /** The state whose last attempt has failed. */
  #gaveUp: Known;
  #inScope = true;
  #wishes = 0;
  #wished = false;
  /** What each event id stands for. */
  readonly #ids = new Map<string, KubeObject>();
  calls = 0;

  constructor({ recipe, gated, selected }: Setup) {
    this.#rules = rules({
      recipe,
      versionBy: recipe.onlySpec && !selected ? 'generation' : 'resourceVersion',
      ...(gated && { when: { test: statusIsZero } }),
    });
    this.#emit();
  }

  writeSpec(value: number): void {
    if (this.#spec === value) return;
    this.#spec = value;
    this.#generation++;
    this.#write();
  }

  writeStatus(value: number): void {
    if (this.#status === value) return;
    this.#status = value;
    this.#write();
  }

  writeLabel(value: number): void {
    if (this.#label === value) return;
    this.#label = value;
    this.#write();
  }

  writeShared(value: number): void {
    if (this.#shared.value === value) return;
    this.#shared = { value, own: false };
    this.#write();
  }

  /** The watch shows one more state. */
  watch(): void {
    this.#observe(this.#watch.shift(), 'Modified');
  }

  relist(): void {
    this.#watch = [];
    this.#observe(this.#object(), 'Listed');
  }

  start(): void {
    const record = this.#record;
    if (record === undefined || this.#flight !== undefined || !needsDelivery(record, this.#rules)) return;
    const sent = this.#states.get(record.resourceVersion);
    assert.ok(sent !== undefined, 'the record knows of a state that was');
    if (admit(record, sent, this.#rules).kind === 'drop') return;
    const flight = begin(record);
    this.calls++;
    this.#flight = { flight, sent, wishes: this.#wishes };
    if (flight.eventType === 'Deleted') {
      this.#done = undefined;
      return;
    }
    if (this.#rules.when !== undefined) assert.ok(statusIsZero(sent), 'nothing is sent while when is false');
    const same = this.#same(this.#done, sent);
    assert.ok(flight.named !== undefined || !same, 'nothing unchanged is sent without a wish');
    this.#name(flight, sent);
    if (!same && this.#done !== 'unsure') this.#done = undefined;
  }

  succeed(): void {
    const record = this.#record;
    if (record === undefined || this.#flight === undefined) return;
    const { flight, sent, wishes } = this.#flight;
    this.#flight = undefined;
    if (succeed(record, flight)) this.#record = undefined;
    this.#gaveUp = undefined;
    if (wishes === this.#wishes) this.#wished = false;
    this.#done = flight.eventType === 'Deleted' ? undefined : sent;
  }

  fail({ exhausted }: { readonly exhausted: boolean }): void {
    const record = this.#record;
    if (record === undefined || this.#flight === undefined) return;
    const { flight, sent, wishes } = this.#flight;
    this.#flight = undefined;
    fail(record, flight, { attempts: flight.attempt, exhausted });
    if (!exhausted) return;
    this.#gaveUp = flight.eventType === 'Deleted' ? undefined : sent;
    if (wishes === this.#wishes) this.#wished = false;
  }

  /** A call succeeds, and its result is written. */
  succeedAndWrite(): void {
    if (this.#flight === undefined) return;
    this.succeed();
    this.#writeResult();
  }

  /** Somebody writes under our manager's name, and nobody tells us: a function with a token of its own. */
  writeOwn(): void {
    this.#phase++;
    this.#write();
  }

  redeliver(): void {
    const record = this.#record;
    if (record === undefined) return;
    const verdict = want(record, { reason: 'Redeliver', value: String(++this.#wishes) }, this.#rules);
    if (verdict.kind === 'pass' && record.gone === undefined) this.#wished = true;
  }

  /** The object leaves the selection until the next write or list. */
  leave(): void {
    const record = this.#record;
    if (record === undefined || !this.#inScope || this.#rules.versionBy === 'generation') return;
    this.#watch = [];
    this.#inScope = false;
    this.#wished = false;
    const gone = { reason: 'LeftScope', resourceVersion: String(++this.#rv), nowMs: 0 } as const;
    if (judgeGone(record, gone, this.#rules).kind === 'pass') return;
    this.#record = undefined;
    this.#done = undefined;
  }

  /** The trigger counts something else from now on; that comes with a list. */
  edit(): void {
    const old = this.#rules.recipe;
    const recipe = RECIPES[(RECIPES.indexOf(old) + 1) % RECIPES.length] ?? old;
    const now = this.#object();
    const fewer = recipe.parts.every(({ name }) => old.parts.some((part) => part.name === name));
    const flies = this.#flight !== undefined;
    const translate = (known: Known): Known => {
      if (known === undefined || known === 'unsure' || (fewer && !flies)) return known;
      return flies ? 'unsure' : this.#same(known, now) ? now : undefined;
    };
    const [done, gaveUp] = [translate(this.#done), translate(this.#gaveUp)];
    if (this.#flight !== undefined) this.#flight.sent = 'unsure';
    [this.#done, this.#gaveUp] = [done, gaveUp];
    this.#rules = { ...this.#rules, recipe, versionBy: 'resourceVersion' };
    if (this.#record !== undefined) invalidate(this.#record);
    this.relist();
  }

  /** Everything arrives, and every call succeeds. */
  quiesce(): void {
    while (this.#watch.length > 0) this.watch();
    if (!this.#inScope) this.relist();
    const before = this.calls;
    do {
      assert.ok(this.calls < before + 5, 'calls come to an end');
      this.succeed();
      this.start();
    } while (this.#flight !== undefined);
  }

  /** What holds when everything is quiet. */
  check(): void {
    const now = this.#object();
    if (this.#gaveUp === 'unsure' || this.#same(this.#gaveUp, now)) return;
    if (this.#rules.when !== undefined && this.#status !== 0) return;
    assert.equal(this.#record?.phase, 'handled');
    assert.equal(isUnmet(this.#record), false, 'the last state is handled');
    assert.equal(this.#wished, false, 'every wish is fulfilled');
    assert.ok(this.#done === 'unsure' || this.#same(this.#done, now), 'the last state was sent successfully');
  }

  /** Bound to the newest version: the record's where it does not lag, else one that was read for it. */
  #writeResult(): void {
    const record = this.#record;
    const before = this.#object();
    if (record === undefined || record.gone !== undefined) return;
    const lags = record.resourceVersion !== before.metadata.resourceVersion;
    const base = lags ? writeBaseFrom(before, record.recipe) : writeBaseOf(record);
    this.#shared = { value: this.#shared.value + 1, own: true };
    this.#phase++;
    this.#write();
    const after = this.#object();
    // To the model too, our own doing is no change.
    const rebased = (known: Known): Known => (this.#same(known, before) ? after : known);
    this.#done = rebased(this.#done);
    this.#gaveUp = rebased(this.#gaveUp);
    for (const [id, stands] of this.#ids) if (this.#same(stands, before)) this.#ids.set(id, after);
    rebase(record, base, { head: headOf(after), object: () => after }, this.#rules, 0);
  }

  #write(): void {
    this.#rv++;
    this.#inScope = true;
    this.#emit();
  }

  #emit(): void {
    const now = this.#object();
    this.#states.set(now.metadata.resourceVersion, now);
    this.#watch.push(now);
  }

  #observe(state: KubeObject | undefined, type: 'Modified' | 'Listed'): void {
    if (state === undefined) return;
    this.#inScope = true;
    this.#states.set(state.metadata.resourceVersion, state);
    this.#record = observe(this.#record, seen(state, { type }), this.#rules).record;
  }

  #name({ version, named }: Flight, sent: KubeObject): void {
    const id = `${this.#rules.recipe.id} ${version} ${named?.value ?? ''}`;
    const stands = this.#ids.get(id);
    assert.ok(stands === undefined || this.#same(stands, sent), `the id ${id} stands for one state`);
    this.#ids.set(id, sent);
  }

  #same(a: Known, b: Known): boolean {
    if (a === undefined || b === undefined || a === 'unsure' || b === 'unsure') return false;
    return this.#content(a) === this.#content(b);
  }

  /** What counts, by the model's own reckoning. */
  #content(state: KubeObject): string {
    const counted = new Set(this.#rules.recipe.parts.map(({ name }) => name));
    const ownsShared = JSON.stringify(state.metadata.managedFields?.at(-1)).includes('f:shared');
    const { s, shared } = state['status'] as { readonly s: number; readonly shared: number };
    return JSON.stringify([
      state['spec'],
      counted.has('Status') && [s, ownsShared ? 'ours' : shared],
      counted.has('Labels') && state.metadata.labels,
    ]);
  }

  #object(): KubeObject {
    const { value, own } = this.#shared;
    const sharedField = { 'f:shared': {} };
    return object({
      rv: this.#rv,
      generation: this.#generation,
      spec: { v: this.#spec },
      status: { s: this.#status, shared: value, phase: this.#phase },
      metadata: {
        labels: { l: String(this.#label) },
        managedFields: [
          {
            manager: 'kubectl',
            fieldsV1: { 'f:spec': { 'f:v': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
          },
          { manager: 'other', fieldsV1: { 'f:status': { 'f:s': {}, ...(!own && sharedField) } } },
          { manager: MANAGER, fieldsV1: { 'f:status': { 'f:phase': {}, ...(own && sharedField) } } },
        ],
      },
    });
  }
}

function statusIsZero(state: KubeObject): boolean {
  const { s } = state['status'] as { readonly s: number };
  if (s === 2) throw new WhenError('two is no state');
  return s === 0;
}
