/** An object in which everything can change, and which classes of it do. */
import { changedClasses, digestOf } from '../../../forwarder/filter/digest.ts';
import type { Recipe } from '../../../forwarder/filter/recipe.ts';
import { changes, type Draft, object } from './objects.ts';

export const ALL: Recipe = changes('Spec', 'Status', 'Labels', 'Annotations');

export const BASE: Draft = {
  rv: 1,
  generation: 1,
  spec: { replicas: 1, containers: [{ name: 'a', image: 'x' }] },
  status: { phase: 'Ready' },
  metadata: { labels: { l: '1' }, annotations: { a: '1' } },
};

export function changed(recipe: Recipe, to: Draft, from: Draft = BASE): unknown {
  return changedClasses(digestOf(object(from), recipe), digestOf(object({ ...from, ...to }), recipe), recipe);
}
