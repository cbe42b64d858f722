/** The conditions of a trigger as values, with the semantics of metav1.Condition. */

/** In this order they stand in the status; Ready sums up the others. */
export const TRIGGER_CONDITIONS = [
  'Accepted',
  'SourceSynced',
  'SufficientPermissions',
  'FilterHealthy',
  'TargetReachable',
  'StatusApplied',
  'CheckpointHealthy',
  'ObjectsReleased',
  'Ready',
] as const;

export type TriggerConditionType = (typeof TRIGGER_CONDITIONS)[number];

export interface Condition {
  readonly type: TriggerConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration: number;
  /** RFC 3339, UTC, whole seconds. */
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** What somebody says about a trigger; Ready is nobody's to say. */
export interface ConditionChange {
  readonly type: Exclude<TriggerConditionType, 'Ready'>;
  readonly status: Condition['status'];
  /** One word. */
  readonly reason: string;
  /** One line, the same for the same problem. @defaultValue '' */
  readonly message?: string;
}

/** Without these the trigger does nothing; the others may be unknown while nothing has gone wrong. */
const NEEDED: ReadonlySet<TriggerConditionType> = new Set(['Accepted', 'SourceSynced']);

/** Before anybody has said anything. */
const PENDING = { status: 'Unknown', reason: 'Pending', message: '' } as const;

/** The API server's limit is 32,768; nobody reads that much. */
const MAX_MESSAGE = 1024;

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

/** The list with one condition changed; `lastTransitionTime` moves only with `status`. The same list where nothing changed. */
export function setCondition(
  list: readonly Condition[],
  change: Omit<ConditionChange, 'type'> & {
    readonly type: TriggerConditionType;
    readonly observedGeneration: number;
  },
  nowMs: number,
): readonly Condition[] {
  const { type, status, reason, observedGeneration } = change;
  const message = oneLine(change.message ?? '');
  const old = list.find((one) => one.type === type);
  if (
    old?.status === status &&
    old.reason === reason &&
    old.message === message &&
    old.observedGeneration === observedGeneration
  ) {
    return list;
  }
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : timestamp(nowMs);
  const changed: Condition = { type, status, observedGeneration, lastTransitionTime, reason, message };
  return TRIGGER_CONDITIONS.flatMap((known) =>
    known === type ? [changed] : list.filter((one) => one.type === known),
  );
}

/** The whole list for one generation: what nobody has spoken of is unknown, and Ready is derived. */
export function completeConditions(
  list: readonly Condition[],
  observedGeneration: number,
  nowMs: number,
): readonly Condition[] {
  let all = list;
  for (const type of TRIGGER_CONDITIONS) {
    if (type === 'Ready' || (OPTIONAL.has(type) && !list.some((one) => one.type === type))) continue;
    const known = list.find((one) => one.type === type) ?? PENDING;
    all = setCondition(all, { ...known, type, observedGeneration }, nowMs);
  }
  return setCondition(all, { ...readyFrom(all), type: 'Ready', observedGeneration }, nowMs);
}

/** Absent where nobody has spoken of them; the trigger works all the same. */
const OPTIONAL: ReadonlySet<TriggerConditionType> = new Set(['CheckpointHealthy', 'ObjectsReleased']);

/** The first thing that is wrong, else the first needed one that is not known yet, else True. */
function readyFrom(list: readonly Condition[]): Pick<Condition, 'status' | 'reason' | 'message'> {
  const others = list.filter(({ type }) => type !== 'Ready' && !OPTIONAL.has(type));
  const blocking =
    others.find(({ status }) => status === 'False') ??
    others.find(({ type, status }) => status === 'Unknown' && NEEDED.has(type));
  return blocking ?? { status: 'True', reason: 'Ready', message: '' };
}

/** Conditions of ours in a status from the API server; what is none is left out. */
export function readConditions(status: unknown): readonly Condition[] {
  const { conditions } = (status ?? {}) as { conditions?: unknown };
  const given = Array.isArray(conditions) ? (conditions as readonly (Partial<Condition> | null)[]) : [];
  return TRIGGER_CONDITIONS.flatMap((type) => {
    const found = given.find((one) => one?.type === type);
    if (found?.status === undefined || found.lastTransitionTime === undefined) return [];
    const { status, lastTransitionTime, reason = '', message = '', observedGeneration = 0 } = found;
    return [{ type, status, observedGeneration, lastTransitionTime, reason, message }];
  });
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE - 1)}…` : line;
}
