import { createHash } from 'node:crypto';
import { EVENT_TYPES, type ChangeClass, type EventType, type Reason } from '../../../protocol/event.ts';
import type { Children } from '../children.ts';
import type { CustomResource, ObjectMeta } from '../custom-resource.ts';
import type { ReceivedEvent } from '../event.ts';

/** An object as a test writes it down: what is left out is filled in. */
export interface TestObject {
  /** `uid`: made of the names; `generation`: 1; `namespace`: default. */
  readonly metadata: Partial<ObjectMeta> & { readonly name: string };
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

export interface EventOptions {
  readonly previous?: TestObject;
  readonly changed?: readonly ChangeClass[];
  /** @defaultValue Watch, for deletions Deleted */
  readonly reason?: Reason;
  readonly children?: Children;
  /** @defaultValue 1 */
  readonly attempt?: number;
  /** `namespace/name`. @defaultValue default/test */
  readonly trigger?: string;
  /**
   * Sends the object as its identity only, as one too large for the target: the function reads it from its `cluster`,
   * where the test has put it. @defaultValue false
   */
  readonly dataref?: boolean;
  /** How long the caller waits from now on. @defaultValue 30 s */
  readonly timeoutMs?: number;
}

/** An event in structured form, as the forwarder would send it about this object. */
export function eventFor(
  resource: Pick<CustomResource, 'apiVersion' | 'kind'>,
  type: EventType,
  object: TestObject,
  options: EventOptions = {},
  nowMs: number = Date.now(),
): ReceivedEvent {
  const {
    trigger = 'default/test',
    reason = type === 'Deleted' ? 'Deleted' : 'Watch',
    attempt = 1,
  } = options;
  const { apiVersion, kind } = resource;
  const whole = complete(resource, object);
  const { name, namespace, uid, generation, resourceVersion = '1' } = whole.metadata;
  const plural = `${kind.toLowerCase()}s`;
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const path = `${group}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}/${name}`;
  const named = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }), uid } };
  return {
    specversion: '1.0',
    type: EVENT_TYPES[type],
    source: `statewire://test/${trigger}`,
    subject: path,
    id: type === 'Deleted' ? `${uid}:deleted` : `${uid}:g${generation ?? 1}`,
    time: new Date(nowMs).toISOString(),
    datacontenttype: 'application/json',
    apiversion: apiVersion,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(generation !== undefined && { generation: String(generation) }),
    sequence: resourceVersion.padStart(20, '0'),
    partitionkey: uid,
    trigger,
    traceparent: '00-00000000000000000000000000000001-0000000000000001-00',
    statewireattempt: String(attempt),
    statewiredeadline: new Date(nowMs + (options.timeoutMs ?? 30_000)).toISOString(),
    statewireepoch: '0',
    ...(options.dataref === true && { dataref: path }),
    data: {
      object: options.dataref === true ? named : whole,
      ...(options.previous !== undefined && { previous: complete(resource, options.previous) }),
      ...(options.changed !== undefined && { changed: options.changed }),
      reason,
      ...(options.children !== undefined && { children: options.children }),
    },
  };
}

function complete(
  { apiVersion, kind }: Pick<CustomResource, 'apiVersion' | 'kind'>,
  object: TestObject,
): TestObject & { apiVersion: string; kind: string; metadata: ObjectMeta } {
  const { name, namespace = 'default' } = object.metadata;
  const digest = createHash('sha256').update(`${apiVersion}\n${kind}\n${namespace}\n${name}`).digest('hex');
  const metadata = { namespace, uid: `uid-${digest.slice(0, 8)}`, generation: 1, ...object.metadata };
  // As it would travel.
  return JSON.parse(JSON.stringify({ ...object, apiVersion, kind, metadata })) as ReturnType<typeof complete>;
}
