/** Kubernetes Events (events.k8s.io/v1) as request bodies, within the limits the API server holds them to. */

/** What happened to an object, to be shown by `kubectl describe` and `kubectl events`. */
export interface EventInput {
  /** `namespace/name` of the trigger on whose behalf, for metrics. */
  readonly trigger: string;
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    /** Absent for cluster-scoped objects; the Event then goes to namespace `default`. */
    readonly namespace?: string;
    readonly name: string;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** Why: a short word in CamelCase, at most 128 characters. */
  readonly reason: string;
  /** What was done: a short word in CamelCase. */
  readonly action: string;
  /** For people; cut at 1,024 bytes. */
  readonly note: string;
}

export interface Series {
  readonly count: number;
  readonly lastObservedTime: string;
}

const REPORTING_CONTROLLER = 'statewire.dev/forwarder';

/** Limits of events.k8s.io/v1, in bytes. */
const MAX_WORD = 128;
const MAX_NOTE = 1024;
const MAX_NAME = 253;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Events with equal keys are one series; the note does not count. */
export function seriesKey({ trigger, regarding, type, reason, action }: EventInput): string {
  return JSON.stringify([trigger, regarding.uid, regarding.kind, regarding.name, type, reason, action]);
}

export function eventNamespace({ regarding }: EventInput): string {
  return regarding.namespace ?? 'default';
}

/** @param stamp a number that no other Event of this object has: nanoseconds since 1970 */
export function eventName({ regarding }: EventInput, stamp: bigint): string {
  const name = `${regarding.name}.${stamp.toString(16)}`;
  return name.length <= MAX_NAME && DNS_SUBDOMAIN.test(name) ? name : `statewire.${stamp.toString(16)}`;
}

export function eventBody(
  input: EventInput,
  at: {
    readonly name: string;
    readonly instance: string;
    readonly nowMs: number;
    readonly series?: Series | undefined;
  },
): string {
  return JSON.stringify({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: at.name, namespace: eventNamespace(input) },
    eventTime: microTime(at.nowMs),
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: cut(`${REPORTING_CONTROLLER}-${at.instance}`, MAX_WORD),
    action: cut(input.action, MAX_WORD),
    reason: cut(input.reason, MAX_WORD),
    regarding: input.regarding,
    type: input.type,
    note: cut(input.note, MAX_NOTE),
    ...(at.series !== undefined && { series: at.series }),
  });
}

/** RFC 3339 in UTC with six digits after the second. */
export function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}

/** At most so many bytes of UTF-8, never half a character. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const ellipsis = '…';
  let end = maxBytes - Buffer.byteLength(ellipsis);
  // Continuation bytes begin with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + ellipsis;
}
