/** The recipes of a checkpoint by number: a number once given stands for the same recipe for ever. */
import type { Counting } from '../model/trigger.ts';
import { type Recipe, recipeOf } from './recipe.ts';

/** A recipe as it is written down. */
interface StoredRecipe {
  readonly id: string;
  readonly counting: Counting;
  readonly fieldManager: string;
}

export class RecipeTable {
  readonly #recipes: Recipe[] = [];
  readonly #numbers = new Map<string, number>();

  /** Goes on with a table that was written down; throws where it is none. */
  static read(stored: readonly unknown[]): RecipeTable {
    const table = new RecipeTable();
    for (const { id, counting, fieldManager } of stored as readonly StoredRecipe[]) {
      // Made by another form of digests, it is known by its name and equal to none that is made now.
      table.#add({ ...recipeOf(counting, fieldManager), id });
    }
    return table;
  }

  get recipes(): readonly Recipe[] {
    return this.#recipes;
  }

  numberOf(recipe: Recipe): number {
    return this.#numbers.get(recipe.id) ?? this.#add(recipe);
  }

  stored(): readonly StoredRecipe[] {
    return this.#recipes.map(({ id, counting, fieldManager }) => ({ id, counting, fieldManager }));
  }

  #add(recipe: Recipe): number {
    const number = this.#recipes.push(recipe) - 1;
    this.#numbers.set(recipe.id, number);
    return number;
  }
}
