/**
 * A record as one line of a checkpoint, and back: a JSON array, in which the last elements are left out where they say
 * nothing. Digests are kept with the number of the recipe that made them.
 */
import type { ObjectHead } from '../model/delta.ts';
import { type KubeObject, objectKey } from '../model/kube-object.ts';
import type { Digest } from './digest.ts';
import type { Recipe } from './recipe.ts';
import {
  type Completeness,
  type Gone,
  type GoneReason,
  NO_DIGEST,
  ObjectRecord,
  type Phase,
  type Wish,
} from './record.ts';

type Uid = KubeObject['metadata']['uid'];

/** What a line tells beside the record: a wish that is not due yet. */
export interface WakeupDue {
  readonly reason: 'Requeue' | 'Resync';
  readonly dueUnixSeconds: number;
}

/** What most records have nothing of. */
interface Rest {
  readonly namespace?: string;
  readonly attempts?: number;
  readonly exhausted?: true;
  readonly touched?: true;
  readonly ending?: true;
  readonly told?: true;
  readonly gone?: Gone;
  readonly wish?: Wish;
  readonly redeliverSeen?: string;
  readonly wakeup?: WakeupDue;
  /** Fingerprint of its children. */
  readonly children?: string;
}

/** 0 stands for the handled digest: the newest state is the handled one. */
type Line = readonly [
  name: string,
  resourceVersion: string,
  generation: number | null,
  recipe: number,
  phase: string,
  handled: Digest,
  current: Digest | 0,
  version: string | 0,
  rest?: Rest,
];

const PHASES: Readonly<Record<string, Phase>> = { n: 'new', s: 'new', b: 'baseline', h: 'handled' };
const GONE_REASONS: ReadonlySet<string> = new Set<GoneReason>(['Deleted', 'LeftScope', 'GoneWhileAway']);
const WISHES: ReadonlySet<string> = new Set<Wish['reason']>([
  'Child',
  'Resync',
  'Requeue',
  'Redeliver',
  'Replay',
]);

/** @param defaultNamespace left out where the record's is the same; every record of most triggers */
export function encodeRecord(
  record: ObjectRecord,
  recipe: number,
  wakeup: WakeupDue | undefined,
  defaultNamespace: string | undefined,
): string {
  const { namespace, attempts, exhausted, ending, told, gone, owed, redeliverSeen, children } = record;
  const wish = record.wish ?? record.sending ?? owed?.wish;
  const touched = record.touched || (owed !== undefined && !owed.created && owed.wish === undefined);
  const rest: Rest = {
    ...(namespace !== undefined && namespace !== defaultNamespace && { namespace }),
    ...(attempts > 0 && { attempts }),
    ...(exhausted && { exhausted }),
    ...(touched && { touched }),
    ...(ending && { ending }),
    ...(told && { told }),
    ...(gone !== undefined && { gone }),
    ...(wish !== undefined && { wish }),
    ...(redeliverSeen !== undefined && { redeliverSeen }),
    ...(wakeup !== undefined && { wakeup }),
    ...(children !== undefined && { children }),
  };
  const line: Line = [
    record.name,
    record.resourceVersion,
    record.generation ?? null,
    recipe,
    phaseMark(record),
    record.handled,
    record.current === record.handled ? 0 : record.current,
    record.version === record.resourceVersion ? 0 : record.version,
  ];
  return JSON.stringify(Object.keys(rest).length === 0 ? line : [...line, rest]);
}

/** A new object of which a function has heard is another thing than one of which it has not. */
function phaseMark({ phase, started, owed }: ObjectRecord): string {
  if (phase === 'new' || owed?.created === true) return started ? 's' : 'n';
  return phase === 'baseline' ? 'b' : 'h';
}

/** Undefined where the line is none of ours. */
export function decodeRecord(
  uid: Uid,
  text: string,
  from: {
    readonly recipes: readonly Recipe[];
    readonly namespace: string | undefined;
    readonly completeness: Completeness;
    readonly nowMs: number;
  },
): { readonly record: ObjectRecord; readonly wakeup: WakeupDue | undefined } | undefined {
  const line = parseLine(text);
  if (line === undefined) return undefined;
  const [name, resourceVersion, generation, recipeNumber, mark, handled, current, version, rest = {}] = line;
  const recipe = from.recipes[recipeNumber];
  const phase = PHASES[mark];
  if (recipe === undefined || phase === undefined || !isRest(rest)) return undefined;
  const namespace = rest.namespace ?? from.namespace;
  const head: ObjectHead = {
    key: objectKey(uid),
    uid,
    ...(namespace !== undefined && { namespace }),
    name,
    resourceVersion,
    ...(generation !== null && { generation }),
    deleting: false,
  };
  const newest = current === 0 ? handled : current;
  const record = new ObjectRecord(
    head,
    recipe,
    newest,
    version === 0 ? resourceVersion : version,
    from.nowMs,
  );
  record.phase = phase;
  record.handled = phase === 'new' && handled === '' ? NO_DIGEST : handled;
  record.started = mark === 's' || mark === 'h';
  record.touched = rest.touched ?? false;
  record.deleting = rest.ending ?? false;
  record.ending = rest.ending ?? false;
  record.told = rest.told ?? false;
  record.gone = rest.gone;
  record.attempts = rest.attempts ?? 0;
  record.exhausted = rest.exhausted ?? false;
  record.wish = rest.wish;
  record.redeliverSeen = rest.redeliverSeen;
  record.children = rest.children;
  record.recheck = true;
  record.restored = from.completeness;
  record.saved = true;
  return { record, wakeup: rest.wakeup };
}

function parseLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [name, resourceVersion, generation, recipe, phase, handled, current, version] = value as unknown[];
  const isLine =
    [name, resourceVersion, phase, handled].every((part) => typeof part === 'string') &&
    [current, version].every((part) => typeof part === 'string' || part === 0) &&
    (generation === null || typeof generation === 'number') &&
    typeof recipe === 'number';
  return isLine ? (value as unknown as Line) : undefined;
}

function isRest(rest: unknown): rest is Rest {
  if (typeof rest !== 'object' || rest === null) return false;
  const { gone, wish, attempts = 0, wakeup, children = '' } = rest as Readonly<Record<string, unknown>>;
  return (
    typeof attempts === 'number' &&
    typeof children === 'string' &&
    (gone === undefined || GONE_REASONS.has(String(part(gone, 'reason')))) &&
    (wish === undefined || WISHES.has(String(part(wish, 'reason')))) &&
    (wakeup === undefined || typeof part(wakeup, 'dueUnixSeconds') === 'number')
  );
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
