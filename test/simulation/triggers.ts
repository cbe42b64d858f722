/** The triggers of a world: what they select and count, as a FunctionTrigger and as the checker is told. */
import { type Recipe, recipeOf } from '../../forwarder/filter/recipe.ts';
import { fieldManagerOf } from '../../forwarder/model/trigger.ts';
import type { ChangeClass } from '../../protocol/event.ts';
import type { TriggerFact } from '../support/history/fact.ts';
import { REDACTED } from './canary.ts';
import type { Dice } from './dice.ts';

export interface SimulatedTrigger {
  readonly name: string;
  readonly changes: readonly ChangeClass[];
  /** Label `team` that objects must have; undefined: all are selected. */
  readonly team: string | undefined;
  readonly quietMs: number;
  readonly maxWaitMs: number;
  readonly maxAttempts: number;
  readonly concurrency: number;
  readonly suspended: boolean;
  /** Objects stay until their end was told. */
  readonly finalizer?: boolean;
  /** `when`: objects whose size leaves 1 over when divided by three are held back. */
  readonly gated?: boolean;
  /** Somebody suspends it now and then. */
  readonly pauses?: boolean;
  readonly resyncMs?: number;
}

const BACKOFF = { initialMs: 1000, maxMs: 60_000 } as const;
/** So that all are due again before the hour ends. */
const RESYNC_MS = 1_200_000;

export function drawTriggers(dice: Dice): SimulatedTrigger[] {
  return Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, (_, index) => {
    const quietMs = dice.pick([0, 100, 100, 1000]);
    return {
      name: `t${index}`,
      // Two that count the status would fire each other for ever.
      changes: dice.pick<readonly ChangeClass[]>(
        index === 0
          ? [['Spec'], ['Spec'], ['Spec', 'Status'], ['Spec', 'Labels']]
          : [['Spec'], ['Spec', 'Labels']],
      ),
      team: dice.chance(0.4) ? 'a' : undefined,
      quietMs,
      maxWaitMs: 5 * quietMs,
      maxAttempts: dice.pick([4, 8, 12]),
      concurrency: dice.pick([1, 3, 10]),
      suspended: false,
    };
  });
}

/** In some worlds triggers hold their objects, gate, pause or send all again; the rest of them is as drawn. */
export function furnished(triggers: readonly SimulatedTrigger[], dice: Dice): readonly SimulatedTrigger[] {
  if (dice.chance(0.5)) return triggers;
  return triggers.map((trigger) => ({
    ...trigger,
    finalizer: dice.chance(0.5),
    gated: dice.chance(0.3),
    pauses: dice.chance(0.3),
    ...(dice.chance(0.15) && { resyncMs: RESYNC_MS }),
  }));
}

/** Whether `when` is false for an object of this size. */
export function isHeldBack({ gated }: SimulatedTrigger, size: unknown): boolean {
  return gated === true && Number(size) % 3 === 1;
}

/** The same trigger after somebody has edited it. */
export function edited(trigger: SimulatedTrigger, dice: Dice): SimulatedTrigger {
  const quietMs = dice.pick([0, 100, 1000]);
  switch (dice.below(3)) {
    case 0:
      return { ...trigger, quietMs, maxWaitMs: 5 * quietMs };
    case 1:
      return { ...trigger, concurrency: dice.between(1, 10), maxAttempts: dice.between(4, 12) };
    default:
      return { ...trigger, changes: trigger.changes.length === 1 ? ['Spec', 'Labels'] : ['Spec'] };
  }
}

export function recipeFor({ name, changes }: SimulatedTrigger): Recipe {
  return recipeOf({ kind: 'changes', classes: changes }, fieldManagerOf({ name }));
}

export function manifestOf(trigger: SimulatedTrigger): object {
  const { name, changes, team, quietMs, maxWaitMs, maxAttempts, concurrency, suspended } = trigger;
  const { finalizer = false, gated = false, resyncMs } = trigger;
  return {
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name, namespace: 'shop' },
    spec: {
      watch: {
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        ...(team !== undefined && { labelSelector: { matchLabels: { team } } }),
      },
      changes,
      debounce: { quiet: `${quietMs}ms`, maxWait: `${maxWaitMs}ms` },
      payload: { redact: REDACTED },
      target: { http: { url: 'https://functions.example/' } },
      delivery: {
        timeout: '10s',
        maxAttempts,
        backoff: { initial: `${BACKOFF.initialMs}ms`, max: `${BACKOFF.maxMs}ms` },
        concurrency,
      },
      suspend: suspended,
      finalizer,
      ...(gated && { when: 'object.spec.size % 3 != 1' }),
      ...(resyncMs !== undefined && { resync: `${resyncMs / 60_000}m` }),
    },
  };
}

export function factOf(trigger: SimulatedTrigger, durable: boolean, atMs: number): TriggerFact {
  const { name, changes, team, quietMs, maxWaitMs, maxAttempts, concurrency, suspended } = trigger;
  return {
    fact: 'trigger',
    atMs,
    trigger: `shop/${name}`,
    quietMs,
    maxWaitMs,
    maxAttempts,
    concurrency,
    suspended,
    finalizer: trigger.finalizer ?? false,
    ...(trigger.resyncMs !== undefined && { resyncs: true, resyncMs: trigger.resyncMs }),
    durable,
    // What leaves a selection and comes back has the generation it had.
    byGeneration: team === undefined && changes.every((change) => change === 'Spec'),
    backoff: BACKOFF,
    promptMs: 10_000,
  };
}
