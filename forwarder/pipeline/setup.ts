/**
 * One version of a trigger, made ready to run. An edited trigger gets a new one; a call that is under way ends with the
 * one it began with.
 */
import { countedFieldProblem, type Recipe, recipeOf } from '../filter/recipe.ts';
import { generationTells, type Rules, versionRule } from '../filter/rules.ts';
import { compileWhen, type When } from '../filter/when.ts';
import { parseFieldPath } from '../lib/field-path.ts';
import { parseApiVersion, type Resource } from '../model/resource.ts';
import type { Target } from '../model/target.ts';
import {
  type Counting,
  fieldManagerOf,
  objectFinalizer,
  type Trigger,
  triggerName,
} from '../model/trigger.ts';
import { StormGuard } from '../debounce/storm-guard.ts';
import { Gate } from '../target/gate/gate.ts';
import type { Services } from './services.ts';

export interface Setup {
  readonly trigger: Trigger;
  /** `namespace/name`. */
  readonly name: string;
  readonly fieldManager: string;
  readonly recipe: Recipe;
  readonly when: When | undefined;
  readonly target: Target;
  readonly gate: Gate;
  readonly guard: StormGuard;
}

/** What is wrong with a trigger that only running it can tell: an expression that does not compile. */
export interface SetupProblem {
  readonly field: string;
  readonly message: string;
}

export async function setUp(services: Services, trigger: Trigger): Promise<Setup | SetupProblem> {
  const { spec, identity } = trigger;
  const when = spec.when === undefined ? undefined : await compileWhen(spec.when);
  if (when !== undefined && 'problem' in when) {
    return { field: 'spec.when', message: `spec.when: ${when.problem}` };
  }
  const uncountable = uncountableField(spec.counting);
  if (uncountable !== undefined) return uncountable;
  const fieldManager = fieldManagerOf(identity);
  return {
    trigger,
    name: triggerName(identity),
    fieldManager,
    recipe: recipeOf(spec.counting, fieldManager),
    when,
    target: services.createTarget(spec.target, spec.delivery, trigger),
    gate: new Gate(spec.delivery),
    guard: new StormGuard(spec.delivery.perObject),
  };
}

/** A path that changes with every write, our own included, and so can never count. */
function uncountableField(counting: Counting): SetupProblem | undefined {
  for (const [index, text] of (counting.kind === 'fields' ? counting.paths : []).entries()) {
    const path = parseFieldPath(text);
    const problem = 'problem' in path ? path.problem : countedFieldProblem(path);
    const field = `spec.fields[${index}]`;
    if (problem !== undefined) return { field, message: `${field}: ${problem}` };
  }
  return undefined;
}

/** How this trigger judges objects of that kind as it is served now. */
export function rulesOf({ trigger, recipe, when }: Setup, resource: Resource): Rules {
  const { eventTypes, initial, suspend, watch } = trigger.spec;
  const tells = generationTells(resource);
  return {
    recipe,
    eventTypes,
    initial,
    suspend,
    ...(when !== undefined && { when }),
    generationTells: tells,
    versionBy: versionRule(trigger.spec, recipe, tells),
    hold: {
      finalizer: objectFinalizer(trigger.identity),
      enabled: trigger.spec.finalizer,
      selects: watch.labelSelector !== undefined || watch.fieldSelector !== undefined,
    },
  };
}

/** Kind and group of the objects, as in `Application.example.com`. */
export function kindOf({ spec }: Trigger): string {
  return `${spec.watch.kind}.${parseApiVersion(spec.watch.apiVersion).group}`;
}

/** Whether an edit changed what the forwarder does. */
export function isSameTrigger(a: Trigger, b: Trigger): boolean {
  return isEqual(a.spec, b.spec) && a.redeliverAt === b.redeliverAt;
}

/** Compares parts of triggers, which `readTrigger` always builds in the same order. */
export function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
