/** The record against a model of the whole way: writes, watch, calls, own writes, edits, in any order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
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
import { isUnmet, type ObjectRecord } from '../../../forwarder/filter/record.ts';
import { admit, needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { WhenError } from '../../../forwarder/filter/when-error.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { changes, headOf, MANAGER, object, rules, seen } from './objects.ts';

type Step =
  | { readonly kind: 'spec' | 'status' | 'label' | 'shared'; readonly value: number }
  | {
      readonly kind:
        | 'watch'
        | 'relist'
        | 'start'
        | 'succeed'
        | 'fail'
        | 'exhaust'
        | 'ownWrite'
        | 'redeliver'
        | 'leave'
        | 'edit';
    };

interface World {
  rv: number;
  generation: number;
  spec: number;
  status: number;
  label: number;
  /** A status field that either somebody else or our manager owns. */
  shared: { value: number; own: boolean };
  phase: number | undefined;
}

const RECIPES = [changes('Spec'), changes('Spec', 'Status', 'Labels'), changes('Spec', 'Labels')];

/** Runs the steps, and says what went wrong. */
class Run {
  readonly world: World = {
    rv: 1,
    generation: 1,
    spec: 0,
    status: 0,
    label: 0,
    shared: { value: 0, own: false },
    phase: undefined,
  };
  rules: Rules;
  #watch: KubeObject[] = [];
  /** Every state there ever was, by resourceVersion. */
  readonly #versions = new Map<string, KubeObject>();
  #record: ObjectRecord | undefined;
  #flight: { readonly flight: Flight; readonly content: string } | undefined;
  /** Content of the last successful call; undefined where another call may have undone it. */
  #done: string | undefined;
  #redelivered = 0;
  readonly #ids = new Map<string, string>();
  calls = 0;

  constructor(over: Partial<Rules>) {
    this.rules = rules(over);
    this.#emit();
  }

  object(): KubeObject {
    const { rv, generation, spec, status, label, shared, phase } = this.world;
    return object({
      rv,
      generation,
      spec: { v: spec },
      status: { s: status, shared: shared.value, ...(phase !== undefined && { phase }) },
      metadata: {
        labels: { l: String(label) },
        managedFields: [
          {
            manager: 'kubectl',
            operation: 'Update',
            fieldsV1: { 'f:spec': { 'f:v': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
          },
          {
            manager: 'other',
            operation: 'Update',
            subresource: 'status',
            fieldsV1: { 'f:status': { 'f:s': {}, ...(!shared.own && { 'f:shared': {} }) } },
          },
          {
            manager: MANAGER,
            operation: 'Apply',
            subresource: 'status',
            fieldsV1: { 'f:status': { 'f:phase': {}, ...(shared.own && { 'f:shared': {} }) } },
          },
        ],
      },
    });
  }

  /** What counts, by the model's own reckoning. */
  content(from: KubeObject): string {
    const counted = new Set(this.rules.recipe.parts.map(({ name }) => name));
    const { spec, status, metadata } = from as unknown as {
      readonly spec: { readonly v: number };
      readonly status: { readonly s: number; readonly shared: number };
      readonly metadata: {
        readonly labels: { readonly l: string };
        readonly managedFields: readonly unknown[];
      };
    };
    const ownsShared = JSON.stringify(metadata.managedFields[2]).includes('f:shared');
    return JSON.stringify([
      spec.v,
      counted.has('Status') && [status.s, ownsShared ? 'own' : status.shared],
      counted.has('Labels') && metadata.labels.l,
    ]);
  }

  step(step: Step): void {
    const { world } = this;
    switch (step.kind) {
      case 'spec':
        if (world.spec === step.value) return;
        world.spec = step.value;
        world.generation++;
        this.#write();
        return;
      case 'status':
      case 'label':
        if (world[step.kind] === step.value) return;
        world[step.kind] = step.value;
        this.#write();
        return;
      case 'shared':
        if (world.shared.value === step.value) return;
        world.shared = { value: step.value, own: false };
        this.#write();
        return;
      case 'watch':
        this.#observe(this.#watch.shift(), 'Modified');
        return;
      case 'relist':
        this.#watch = [];
        this.#observe(this.object(), 'Listed');
        return;
      case 'start':
        this.#start();
        return;
      case 'succeed':
      case 'fail':
      case 'exhaust':
        this.#end(step.kind);
        return;
      case 'ownWrite':
        this.#ownWrite();
        return;
      case 'redeliver':
        if (this.#record !== undefined)
          want(this.#record, { reason: 'Redeliver', value: String(++this.#redelivered) }, this.rules);
        return;
      case 'leave':
        this.#leave();
        return;
      case 'edit':
        this.#edit();
        return;
      default:
        throw step satisfies never;
    }
  }

  /** Everything arrives, every call succeeds. */
  quiesce(): void {
    while (this.#watch.length > 0) this.step({ kind: 'watch' });
    for (let calls = 0; ; calls++) {
      assert.ok(calls < 5, 'calls come to an end');
      this.#end('succeed');
      this.#start();
      if (this.#flight === undefined) break;
    }
  }

  /** After everything is quiet. */
  check({ exhausted }: { readonly exhausted: boolean }): void {
    const record = this.#record;
    assert.ok(record !== undefined);
    if (exhausted || (this.rules.when !== undefined && this.world.status !== 0)) return;
    assert.equal(isUnmet(record), false, 'the last state is handled');
    assert.equal(record.phase, 'handled');
    assert.equal(this.#done, this.content(this.object()), 'the last state was sent successfully');
  }

  #write(): void {
    this.world.rv++;
    this.#emit();
  }

  #emit(): void {
    const now = this.object();
    this.#versions.set(now.metadata.resourceVersion, now);
    this.#watch.push(now);
  }

  #observe(from: KubeObject | undefined, type: 'Modified' | 'Listed'): void {
    if (from === undefined) return;
    this.#record = observe(this.#record, seen(from, { type }), this.rules).record;
  }

  #start(): void {
    const record = this.#record;
    if (record === undefined || this.#flight !== undefined || !needsDelivery(record, this.rules)) return;
    const deletion = record.gone !== undefined;
    // What is sent is the newest state that is known: never another than the record's.
    const sent = this.#newest(record);
    if (admit(record, sent, this.rules).kind === 'drop') return;
    const flight = begin(record);
    this.calls++;
    const content = this.content(sent);
    if (!deletion) {
      assert.ok(
        flight.named !== undefined || this.#done !== content || flight.eventType === 'Created',
        'nothing unchanged is sent without a wish',
      );
      this.#name(flight, content);
      if (this.#done !== content) this.#done = undefined;
    }
    this.#flight = { flight, content };
  }

  #newest(record: ObjectRecord): KubeObject {
    const known = this.#versions.get(record.resourceVersion);
    assert.ok(known !== undefined);
    return known;
  }

  /** An id never stands for two states. */
  #name(flight: Flight, content: string): void {
    const id = `${this.rules.recipe.id} ${flight.version} ${flight.named?.value ?? ''}`;
    const stands = this.#ids.get(id) ?? content;
    assert.equal(stands, content, `id ${id}`);
    this.#ids.set(id, content);
  }

  #end(kind: 'succeed' | 'fail' | 'exhaust'): void {
    const record = this.#record;
    if (record === undefined || this.#flight === undefined) return;
    const { flight, content } = this.#flight;
    this.#flight = undefined;
    if (kind !== 'succeed') {
      fail(record, flight, { attempts: flight.attempt, exhausted: kind === 'exhaust' });
    } else if (succeed(record, flight)) {
      this.#record = undefined;
      this.#done = undefined;
    } else {
      this.#done = flight.eventType === 'Deleted' ? undefined : content;
    }
  }

  /** A result is written: takes over the shared field. Bound to the newest version, read anew where the record lags. */
  #ownWrite(): void {
    const record = this.#record;
    if (record === undefined || record.gone !== undefined || this.#flight !== undefined) return;
    const before = this.object();
    const base =
      record.resourceVersion === before.metadata.resourceVersion
        ? writeBaseOf(record)
        : writeBaseFrom(before, record.recipe);
    this.world.shared = { value: this.world.shared.value + 1, own: true };
    this.world.phase = (this.world.phase ?? 0) + 1;
    this.#write();
    const after = this.object();
    // What is our own doing is no change to the model either.
    if (this.#done === this.content(before)) this.#done = this.content(after);
    for (const [id, content] of this.#ids)
      if (content === this.content(before)) this.#ids.set(id, this.content(after));
    rebase(record, base, { head: headOf(after), object: () => after }, this.rules, 0);
  }

  #leave(): void {
    const record = this.#record;
    // Names by generation are for triggers without a selector: what nobody can leave.
    if (record === undefined || record.gone !== undefined || this.rules.versionBy === 'generation') return;
    this.#watch = [];
    const verdict = judgeGone(
      record,
      { reason: 'LeftScope', resourceVersion: String(++this.world.rv), nowMs: 0 },
      this.rules,
    );
    if (verdict.kind === 'drop') this.#record = undefined;
    this.#done = verdict.kind === 'drop' ? undefined : this.#done;
    // It comes back at once or with a later step.
    this.#write();
  }

  #edit(): void {
    const next = RECIPES[(RECIPES.indexOf(this.rules.recipe) + 1) % RECIPES.length] ?? changes('Spec');
    this.rules = { ...this.rules, recipe: next, versionBy: 'resourceVersion' };
    if (this.#record !== undefined) invalidate(this.#record);
    this.#watch = [];
    this.#done = undefined;
    this.#observe(this.object(), 'Listed');
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('spec' as const, 'status' as const, 'label' as const, 'shared' as const),
    value: fc.integer({ min: 0, max: 2 }),
  }),
  { arbitrary: fc.constant<Step>({ kind: 'watch' }), weight: 3 },
  { arbitrary: fc.constant<Step>({ kind: 'start' }), weight: 3 },
  { arbitrary: fc.constant<Step>({ kind: 'succeed' }), weight: 2 },
  fc.record({
    kind: fc.constantFrom(
      'relist' as const,
      'fail' as const,
      'exhaust' as const,
      'ownWrite' as const,
      'redeliver' as const,
    ),
  }),
);

const setups = fc.record({
  recipe: fc.constantFrom(...RECIPES),
  gated: fc.boolean(),
  selected: fc.boolean(),
});

function rulesOf({
  recipe,
  gated,
  selected,
}: {
  readonly recipe: (typeof RECIPES)[number];
  readonly gated: boolean;
  readonly selected: boolean;
}): Partial<Rules> {
  return {
    recipe,
    versionBy: recipe.onlySpec && !selected ? 'generation' : 'resourceVersion',
    ...(gated && {
      when: {
        test: (seenObject: KubeObject): boolean => {
          const { s } = seenObject['status'] as { readonly s: number };
          if (s === 2) throw new WhenError('two');
          return s === 0;
        },
      },
    }),
  };
}

describe('A record, whatever the order of writes, calls and replies', () => {
  it('has the last state sent successfully, nothing unchanged sent again, and no id for two states', () => {
    fc.assert(
      fc.property(setups, fc.array(step, { maxLength: 60 }), (setup, steps) => {
        const run = new Run(rulesOf(setup));
        for (const one of steps) run.step(one);
        run.quiesce();
        run.check({ exhausted: steps.some(({ kind }) => kind === 'exhaust') });
        const { calls } = run;
        run.step({ kind: 'relist' });
        run.quiesce();
        assert.equal(run.calls, calls, 'a relist of what is handled sends nothing');
      }),
      { numRuns: 2000 },
    );
  });

  it('survives objects that leave the selection and come back, and edits of the trigger', () => {
    const wild = fc.oneof(
      { arbitrary: step, weight: 6 },
      fc.record({ kind: fc.constantFrom('leave' as const, 'edit' as const) }),
    );
    fc.assert(
      fc.property(setups, fc.array(wild, { maxLength: 60 }), (setup, steps) => {
        const run = new Run(rulesOf(setup));
        for (const one of steps) run.step(one);
        run.step({ kind: 'relist' });
        run.quiesce();
        const { calls } = run;
        run.step({ kind: 'relist' });
        run.quiesce();
        assert.equal(run.calls, calls, 'a relist of what is handled sends nothing');
      }),
      { numRuns: 2000 },
    );
  });
});
