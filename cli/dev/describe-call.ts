/** Events and results as people read them while they write a function. */
import type { IncomingHttpHeaders } from 'node:http';
import type { EventData } from '../../protocol/event.ts';
import type { FunctionResult } from '../../protocol/result.ts';
import { foreignText } from '../../forwarder/lib/errors.ts';

/** What is told of a call: one line, and details. */
export interface Told {
  readonly line: string;
  readonly details: readonly string[];
}

/** JSON in one line is cut here; --verbose shows all of it. */
const WIDTH = 160;

interface Obj {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

/** `created demo/a`, why, and what there is to work on. */
export function describeEvent(headers: IncomingHttpHeaders, body: string, verbose: boolean): Told {
  const data = JSON.parse(body) as EventData<Obj>;
  const { object, children, changed, reason } = data;
  const type = String(headers['ce-type']).split('.').at(-1) ?? '';
  const attempt = String(headers['ce-statewireattempt'] ?? '1');
  const why = changed === undefined || changed.length === 0 ? reason : `${reason}: ${changed.join(' ')}`;
  const counts = Object.entries(children ?? {}).map(
    ([kind, named]) => `${Object.keys(named).length} ${kind.split('.')[0] ?? kind}`,
  );
  return {
    line: `${type} ${keyOf(object)}  ${why}${attempt === '1' ? '' : `, attempt ${attempt}`}`,
    details: verbose
      ? [`id ${String(headers['ce-id'])}`, JSON.stringify(withoutToken(data), null, 2)]
      : [
          ...(object.spec === undefined ? [] : [`spec ${short(object.spec)}`]),
          ...(counts.length === 0 ? [] : [`children ${counts.join(', ')}`]),
        ],
  };
}

/** A token is for the function alone (`payload.token`). */
function withoutToken({ access, ...data }: EventData<Obj>): EventData<Obj> {
  return access === undefined ? data : { ...data, access: { ...access, token: '[redacted]' } };
}

export interface Answered extends Told {
  readonly isError: boolean;
}

/** What the function answered; what the forwarder makes of it is the forwarder's to tell. */
export function describeAnswer(status: number, body: string, verbose: boolean): Answered {
  const result = resultOf(body);
  if (result === undefined || (status >= 300 && result.error === undefined)) {
    return { isError: status >= 300, line: `answered ${status} ${foreignText(body)}`.trimEnd(), details: [] };
  }
  const { error } = result;
  const details = verbose ? [JSON.stringify(result, null, 2)] : detailsOf(result);
  if (error === undefined) return { isError: false, line: 'done', details };
  const again =
    error.retryable === false ? 'not again for this state' : `again ${error.retryAfter ?? 'later'}`;
  return { isError: true, line: `error, ${again}: ${error.message}`, details };
}

function detailsOf({ status, conditions, apply, events, requeueAfter, finalized }: FunctionResult): string[] {
  return [
    ...(status === undefined ? [] : [`status ${short(status)}`]),
    ...(conditions ?? []).map(
      (one) => `condition ${one.type}=${one.status} ${one.reason}: ${one.message ?? ''}`,
    ),
    ...(apply === undefined ? [] : [`apply ${apply.map(nameOf).join(', ') || 'nothing'}`]),
    ...(events ?? []).map((one) => `event ${one.type} ${one.reason}: ${one.message}`),
    ...(requeueAfter === undefined ? [] : [`again after ${requeueAfter}`]),
    ...(finalized === false ? ['not finalized yet'] : []),
  ];
}

/** Nothing answered means done. */
function resultOf(body: string): FunctionResult | undefined {
  if (body.trim() === '') return {} as FunctionResult;
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === 'object' ? ((value ?? {}) as FunctionResult) : undefined;
  } catch {
    return undefined;
  }
}

/** `demo/a`, or `a` for what is in no namespace. */
function keyOf({ metadata: { namespace, name } }: Obj): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function nameOf({ kind, metadata }: { readonly kind: string; readonly metadata: Obj['metadata'] }): string {
  return `${kind} ${metadata.name}`;
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text;
}
