/** Objects and observations for the tests of this folder. */
import type { Observation } from '../../../forwarder/filter/judge.ts';
import { type Recipe, recipeOf } from '../../../forwarder/filter/recipe.ts';
import type { Rules } from '../../../forwarder/filter/rules.ts';
import type { KubeObject } from '../../../forwarder/model/kube-object.ts';
import { headOf } from '../../../forwarder/pipeline/entry.ts';
import type { ChangeClass } from '../../../protocol/event.ts';

export const MANAGER = 'statewire/app';

export interface Draft {
  readonly rv?: number;
  readonly generation?: number;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly deleting?: boolean;
}

export function object({
  rv = 1,
  generation,
  spec,
  status,
  metadata,
  deleting = false,
}: Draft = {}): KubeObject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'uid-1',
      resourceVersion: String(rv),
      ...(generation !== undefined && { generation }),
      ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ...metadata,
    },
    ...(spec !== undefined && { spec }),
    ...(status !== undefined && { status }),
  };
}

/** What the source would say of an object; `parses` counts how often it was parsed. */
export function seen(
  from: KubeObject,
  over: Partial<Pick<Observation, 'type' | 'inFirstSync' | 'nowMs'>> = {},
): Observation & { readonly parses: () => number } {
  const raw = JSON.stringify(from);
  let parses = 0;
  return {
    type: 'Modified',
    head: headOf(from),
    raw,
    object: () => {
      parses++;
      return JSON.parse(raw) as KubeObject;
    },
    inFirstSync: false,
    nowMs: 0,
    ...over,
    parses: () => parses,
  };
}

export function changes(...classes: ChangeClass[]): Recipe {
  return recipeOf({ kind: 'changes', classes }, MANAGER);
}

export function fields(...paths: string[]): Recipe {
  return recipeOf({ kind: 'fields', paths }, MANAGER);
}

export function rules(over: Partial<Rules> = {}): Rules {
  return {
    recipe: changes('Spec'),
    eventTypes: ['Created', 'Updated', 'Deleted'],
    initial: 'Deliver',
    suspend: false,
    generationTells: true,
    versionBy: 'generation',
    ...over,
  };
}
