/** How an object looks to whoever asks: in the version of the path, whole or its metadata only. */
import type { ServedKind } from './kinds.ts';
import type { Json } from './json.ts';
import type { Stored } from './object-store.ts';

export interface View {
  readonly kind: ServedKind;
  /** `PartialObjectMetadata`. */
  readonly partial: boolean;
}

const PARTIAL = /(?:^|[;,\s])as=PartialObjectMetadata(?:List)?(?:[;,\s]|$)/;

export function viewOf(kind: ServedKind, accept: string | undefined): View {
  return { kind, partial: PARTIAL.test(accept ?? '') };
}

/** The object as JSON. */
export function textOf(stored: Stored, view: View): string {
  if (isPlain(stored, view)) return stored.text;
  const known = view.partial ? partials.get(stored) : undefined;
  const text = known ?? JSON.stringify(objectOf(stored.object, view));
  if (view.partial) partials.set(stored, text);
  return text;
}

/** The item of a list; those of built-in kinds do not say what they are. */
export function itemText(stored: Stored, view: View): string {
  if (view.kind.custom || view.partial) return textOf(stored, view);
  let text = items.get(stored);
  if (text === undefined) {
    const { apiVersion: _a, kind: _k, ...item } = stored.object;
    text = JSON.stringify(item);
    items.set(stored, text);
  }
  return text;
}

const items = new WeakMap<Stored, string>();
/** As `PartialObjectMetadata`, which is the same in every version. */
const partials = new WeakMap<Stored, string>();
const frames = new WeakMap<Stored, Map<string, Buffer>>();

/** The event of a watch, with its newline. */
export function frameOf(type: string, stored: Stored, view: View): Buffer {
  if (!isPlain(stored, view)) return Buffer.from(eventText(type, textOf(stored, view)));
  const known = frames.get(stored) ?? new Map<string, Buffer>();
  frames.set(stored, known);
  let frame = known.get(type);
  if (frame === undefined) {
    frame = Buffer.from(eventText(type, stored.text));
    known.set(type, frame);
  }
  return frame;
}

export function eventText(type: string, object: string): string {
  return `{"type":"${type}","object":${object}}\n`;
}

function isPlain({ object }: Stored, { kind, partial }: View): boolean {
  return !partial && object['apiVersion'] === kind.apiVersion;
}

/** The object in a view. */
export function objectOf(object: Json, { kind, partial }: View): Json {
  if (partial) {
    return {
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: object['metadata'],
    };
  }
  return object['apiVersion'] === kind.apiVersion ? object : { ...object, apiVersion: kind.apiVersion };
}
