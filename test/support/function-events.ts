/** Events as the forwarder sends them to functions, in both forms. */
import { EVENT_TYPES, type EventData, type EventType, type StructuredEvent } from '../../protocol/event.ts';

/** What an event is about; everything left out is as for a new `demo/web`. */
export interface EventSketch {
  readonly type?: EventType;
  readonly object?: Readonly<Record<string, unknown>>;
  readonly data?: Partial<EventData>;
  readonly attributes?: Partial<StructuredEvent>;
}

/** An object of a kind that tests make up: example.com/v1 Widget `demo/web`. */
export function widget(spec: unknown, rest: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'web', namespace: 'demo', uid: 'uid-1', generation: 1, resourceVersion: '41' },
    spec,
    ...rest,
  };
}

/** Structured form, as Lambda functions get it. */
export function functionEvent(sketch: EventSketch = {}): StructuredEvent {
  const type = sketch.type ?? 'Created';
  return {
    specversion: '1.0',
    type: EVENT_TYPES[type],
    source: 'statewire://cluster-1/demo/widgets',
    subject: '/apis/example.com/v1/namespaces/demo/widgets/web',
    id: 'uid-1:g1',
    time: '2026-01-01T00:00:00Z',
    datacontenttype: 'application/json',
    apiversion: 'example.com/v1',
    kind: 'Widget',
    name: 'web',
    namespace: 'demo',
    generation: '1',
    sequence: '00000000000000000041',
    partitionkey: 'uid-1',
    trigger: 'demo/widgets',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    statewireattempt: '1',
    statewiredeadline: '2026-01-01T00:00:30.000Z',
    statewireepoch: '0',
    ...sketch.attributes,
    data: {
      object: sketch.object ?? widget({ size: 1 }),
      reason: type === 'Deleted' ? 'Deleted' : 'Watch',
      ...sketch.data,
    },
  };
}

/** Binary form: attributes as headers, `data` as the body. */
export function binaryForm(event: StructuredEvent): { headers: Record<string, string>; body: string } {
  const { data, datacontenttype, ...attributes } = event;
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]),
  );
  return { headers: { ...headers, 'content-type': datacontenttype }, body: JSON.stringify(data) };
}
