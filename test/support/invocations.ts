/** Invocations as targets get them. */
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Invocation } from '../../forwarder/model/invocation.ts';
import { objectKey } from '../../forwarder/model/kube-object.ts';

const UID = '0d2f3a4b-1111-4222-8333-944445555666';

export const SAMPLE_DATA_JSON =
  '{"object":{"apiVersion":"example.com/v1","kind":"Application","metadata":{"name":"web","namespace":"shop"},"spec":{"big":9007199254740993,"float":1.0}},"reason":"Watch"}';

export interface InvocationOverrides {
  readonly id?: string;
  readonly dataJson?: string;
  readonly timeoutMs?: number;
}

/** An invocation whose deadline is `timeoutMs` from now. @defaultValue timeoutMs 30,000 */
export function invocationAt(clock: Clock, overrides: InvocationOverrides = {}): Invocation {
  const { id = `${UID}:g1`, dataJson = SAMPLE_DATA_JSON, timeoutMs = 30_000 } = overrides;
  return {
    key: objectKey(UID),
    attributes: {
      specversion: '1.0',
      type: 'dev.statewire.resource.created',
      source: 'statewire://cluster-1/shop/application',
      subject: '/apis/example.com/v1/namespaces/shop/applications/web',
      id,
      time: '2026-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      apiversion: 'example.com/v1',
      kind: 'Application',
      name: 'web',
      namespace: 'shop',
      generation: '1',
      sequence: '00000000000000000042',
      partitionkey: UID,
      trigger: 'shop/application',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      statewireattempt: '1',
      statewiredeadline: new Date(clock.now() + timeoutMs).toISOString(),
      statewireepoch: '0',
    },
    dataJson,
    idempotencyKey: 'a'.repeat(64),
    deadlineMs: clock.monotonic() + timeoutMs,
    timeoutMs,
  };
}
