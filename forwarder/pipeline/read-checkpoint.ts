/** Makes records of what a checkpoint tells. What cannot be read is named, and takes nothing else with it. */
import type { LoadedCheckpoint } from '../checkpoint/checkpoint-log.ts';
import { decodeRecord, type WakeupDue } from '../filter/record-codec.ts';
import type { ObjectRecord } from '../filter/record.ts';
import { RecipeTable } from '../filter/recipe-table.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';

export interface ReadCheckpoint {
  readonly records: readonly { readonly record: ObjectRecord; readonly wakeup: WakeupDue | undefined }[];
  readonly recipes: RecipeTable;
  /** One line each. */
  readonly unread: readonly string[];
}

export function readCheckpoint(
  { header, records, damaged }: LoadedCheckpoint,
  { clock, namespace }: { readonly clock: Clock; readonly namespace: string },
): ReadCheckpoint {
  if (header === undefined) return { records: [], recipes: new RecipeTable(), unread: damaged };
  const unread = [...damaged];
  const recipes = readRecipes(header.recipes, unread);
  const isWhole = unread.length === 0;
  // What is missing may have told of calls.
  const completeness = {
    clean: header.clean && isWhole,
    upTo: isWhole ? header.completeUpTo : undefined,
    byGeneration: header.byGeneration ?? false,
  };
  const from = { recipes: recipes.recipes, namespace, completeness, nowMs: clock.now() };
  const read = [...records].flatMap(([uid, line]) => {
    const decoded = decodeRecord(uid, line, from);
    if (decoded === undefined) unread.push(`the record of ${uid}`);
    return decoded ?? [];
  });
  return { records: read, recipes, unread };
}

function readRecipes(stored: readonly unknown[], unread: string[]): RecipeTable {
  try {
    return RecipeTable.read(stored);
  } catch (error) {
    unread.push(`the recipes: ${messageOf(error)}`);
    return new RecipeTable();
  }
}
