export type Fields = Readonly<Record<string, unknown>>;

/**
 * What server-side apply makes of an object: what `applied` names is set, what `before` named and `applied` leaves out
 * goes, all else stays. Lists are replaced, those whose items have a `type` (conditions) are merged by it.
 */
export function mergeApplied(live: Fields, before: Fields, applied: Fields): Fields {
  const merged: Record<string, unknown> = { ...live };
  for (const name of Object.keys(before)) {
    if (name in applied) continue;
    const rest = withoutOwn(live[name], before[name]);
    if (rest === undefined) delete merged[name];
    else merged[name] = rest;
  }
  for (const [name, value] of Object.entries(applied))
    merged[name] = mergeValue(live[name], before[name], value);
  return merged;
}

/** What others have in a value; undefined where there is nothing. */
function withoutOwn(live: unknown, before: unknown): unknown {
  if (isFields(live) && isFields(before)) {
    const rest = mergeApplied(live, before, {});
    return Object.keys(rest).length > 0 ? rest : undefined;
  }
  if (!isTyped(live) || !isTyped(before)) return undefined;
  const rest = mergeValue(live, before, []) as readonly unknown[];
  return rest.length > 0 ? rest : undefined;
}

function mergeValue(live: unknown, before: unknown, applied: unknown): unknown {
  if (isFields(applied))
    return mergeApplied(isFields(live) ? live : {}, isFields(before) ? before : {}, applied);
  if (!isTyped(applied) || !isTyped(live)) return applied;
  const byType = new Map(applied.map((item) => [item['type'], item]));
  const gone = new Set((isTyped(before) ? before : []).map((item) => item['type']));
  const kept = live.flatMap((item) => {
    const own = byType.get(item['type']);
    byType.delete(item['type']);
    return own === undefined ? (gone.has(item['type']) ? [] : [item]) : [own];
  });
  return [...kept, ...byType.values()];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTyped(value: unknown): value is readonly Fields[] {
  return Array.isArray(value) && value.every((item) => isFields(item) && 'type' in item && 'status' in item);
}
