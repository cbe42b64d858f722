/**
 * Builds what is delivered for one object, at the last moment: the newest state (from memory, or read anew), its
 * children, and the event. Nothing is sent here.
 */
import { buildInvocation, type InvocationInput } from '../dispatch/envelope.ts';
import type { IdSuffix } from '../dispatch/ids.ts';
import { begin, type Flight } from '../filter/delivery.ts';
import { admit, needsDelivery, type Rules, wantsHold } from '../filter/rules.ts';
import { ApiError } from '../lib/errors.ts';
import { hasFinalizer } from '../finalizer/finalizer-patch.ts';
import { compareResourceVersions } from '../model/delta.ts';
import type { Invocation } from '../model/invocation.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { objectFinalizer } from '../model/trigger.ts';
import { type GroupVersionKind, type Resource, resourcePath } from '../model/resource.ts';
import type { ChildRef, ChildTracker } from './child-tracker.ts';
import { type Entry, parseObject } from './entry.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';

/** Something to send. */
export interface Delivery {
  readonly flight: Flight;
  /** The object as it is sent; of a deletion the last state known. */
  readonly object: KubeObject;
  readonly raw: string | undefined;
  readonly children: readonly { readonly ref: ChildRef; readonly object: KubeObject }[];
  /** One of them has changed since they were read: they are to be sent again. */
  readonly childChanged: boolean;
  /** The owned kinds of which `children` holds all. */
  readonly completeKinds: readonly GroupVersionKind[];
  /** Throws TargetError where it does not fit the target. */
  readonly invocation: () => Invocation;
}

export interface DeliveryContext {
  readonly services: Services;
  readonly setup: Setup;
  readonly resource: Resource;
  readonly rules: Rules;
  readonly children: ChildTracker;
  /** False once the trigger was edited or halted: then this is no longer how, or when, to send. */
  readonly isCurrent: () => boolean;
  /** Takes in a state that was read and is newer than what the watch has shown. */
  readonly observeRead: (entry: Entry, raw: string, object: KubeObject) => void;
}

/** What has to be waited for before anything can be sent. */
export interface Gathered {
  readonly state: State | undefined;
  readonly children: Delivery['children'];
  /** The entry's, before they were read. */
  readonly childChanges: number;
  readonly wasGone: boolean;
}

/**
 * Whether the object is to be sent, as far as that can be said before it is held: what `when` holds back is not held for
 * a call that does not come, and its end not told for that. Throws ApiError.
 */
export async function isAdmitted(entry: Entry, context: DeliveryContext): Promise<boolean> {
  const { record } = entry;
  const { rules } = context;
  if (!needsDelivery(record, rules)) return false;
  const isHeldNext = wantsHold(record, rules) && !record.held;
  if (!isHeldNext || rules.when === undefined || record.gate !== 'unknown') return true;
  const state = await newestState(entry, context);
  if (state === undefined || !needsDelivery(record, rules)) return false;
  return admit(record, state.object, rules).kind === 'pass';
}

/** Reads what is needed; undefined where there is nothing to send. Throws ApiError. */
export async function gather(entry: Entry, context: DeliveryContext): Promise<Gathered | undefined> {
  if (!needsDelivery(entry.record, context.rules)) return undefined;
  const { childChanges } = entry;
  const children = await readChildren(entry, context);
  const wasGone = entry.gone;
  const state = wasGone ? await lastState(entry, context) : await newestState(entry, context);
  return { state, children, childChanges, wasGone };
}

/**
 * What to send for the entry now; undefined where there is nothing (any more), `later` where the trigger was edited or
 * a newer state came meanwhile, or a write to the object has begun, before whose answer its newest state is not known.
 * Nothing waits in here, nor may anything between this and the call: what is sent is the state that the record says.
 */
export function commit(
  entry: Entry,
  gathered: Gathered,
  context: DeliveryContext,
): Delivery | 'later' | undefined {
  const { record } = entry;
  const { state, children, wasGone } = gathered;
  if (entry.writing > 0 || !context.isCurrent() || entry.gone !== wasGone) return 'later';
  if (state !== undefined && !isStillNewest(entry, state)) return 'later';
  if (state === undefined || !needsDelivery(record, context.rules)) return undefined;
  if (!entry.gone && admit(record, state.object, context.rules).kind === 'drop') return undefined;
  const flight = begin(record);
  for (const child of children) context.children.sent(entry.key, child);
  return {
    ...state,
    flight,
    children,
    childChanged: entry.childChanges !== gathered.childChanges,
    completeKinds: context.children.complete(context.setup.trigger.spec.watch.owns),
    invocation: () => invocationOf(entry, state, children, flight, context),
  };
}

interface State {
  readonly object: KubeObject;
  readonly raw: string | undefined;
  readonly final?: 'unknown';
}

/** The watch may have shown a newer state between the last look and now, if only for a moment. */
function isStillNewest({ raw, gone, record }: Entry, state: State): boolean {
  if (raw !== undefined) return raw === state.raw;
  return gone || record.resourceVersion === state.object.metadata.resourceVersion;
}

/** From memory where the state is pending, else read; read again where the watch showed a newer one meanwhile. */
async function newestState(entry: Entry, context: DeliveryContext): Promise<State | undefined> {
  for (;;) {
    if (entry.raw !== undefined) return { object: parseObject(entry.raw), raw: entry.raw };
    const read = await readObject(entry, context);
    // Gone, or another life: the watch says so soon, and that is what will be delivered.
    if (read === undefined || entry.gone) return undefined;
    context.observeRead(entry, read.raw, read.object);
    if (read.object.metadata.resourceVersion === entry.record.resourceVersion) return read;
  }
}

/** The last state of an object that is gone, after telling a deletion from leaving the selection by one GET. */
async function lastState(entry: Entry, context: DeliveryContext): Promise<State | undefined> {
  const { record } = entry;
  const { watch } = context.setup.trigger.spec;
  const selects = watch.labelSelector !== undefined || watch.fieldSelector !== undefined;
  if (selects && record.gone !== undefined && !record.gone.started) {
    const read = await readObject(entry, context);
    // It came back while this was read: then there is no deletion to tell.
    if (!entry.gone || record.gone === undefined) return undefined;
    record.gone = { ...record.gone, reason: read === undefined ? 'Deleted' : 'LeftScope' };
    const finalizer = objectFinalizer(context.setup.trigger.identity);
    record.held = read !== undefined && hasFinalizer(read.object, finalizer);
    if (read !== undefined) {
      entry.raw = read.raw;
      return read;
    }
  }
  if (entry.raw !== undefined) return { object: parseObject(entry.raw), raw: entry.raw };
  return { object: identityOnly(entry, context.resource), raw: undefined, final: 'unknown' };
}

/** A deletion that a list found, of an object whose bytes were not kept. */
function identityOnly({ record }: Entry, resource: Resource): KubeObject {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return {
    apiVersion,
    kind: resource.kind,
    metadata: {
      name: record.name,
      ...(record.namespace !== undefined && { namespace: record.namespace }),
      uid: record.uid,
      resourceVersion: record.resourceVersion,
    },
  };
}

async function readObject(
  { record }: Entry,
  { services, resource }: DeliveryContext,
): Promise<{ readonly object: KubeObject; readonly raw: string } | undefined> {
  try {
    const path = resourcePath(resource, { namespace: record.namespace, name: record.name });
    const raw = (await services.client.request({ method: 'GET', path })).text;
    const object = parseObject(raw);
    return object.metadata.uid === record.uid ? { object, raw } : undefined;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return undefined;
    throw error;
  }
}

async function readChildren(entry: Entry, context: DeliveryContext): Promise<Delivery['children']> {
  const { services, children } = context;
  const read = await Promise.all(
    children.childrenOf(entry.key).map(async (ref) => {
      const resource = await services.discovery.resolve(ref.apiVersion, ref.kind);
      if (resource === undefined) return [];
      try {
        const path = resourcePath(resource, ref);
        const object = parseObject((await services.client.request({ method: 'GET', path })).text);
        return object.metadata.uid === ref.uid ? [{ ref, object }] : [];
      } catch (error) {
        if (error instanceof ApiError && error.code === 'API_NOT_FOUND') return [];
        throw error;
      }
    }),
  );
  return read.flat();
}

function invocationOf(
  entry: Entry,
  state: State,
  children: Delivery['children'],
  flight: Flight,
  { services, setup, resource }: DeliveryContext,
): Invocation {
  const { record } = entry;
  const { trigger, target } = setup;
  const { clock, clusterId, random } = services;
  const { timeoutMs } = trigger.spec.delivery;
  const { owns } = trigger.spec.watch;
  const input: InvocationInput = {
    trigger,
    clusterId,
    resource,
    object: state.object,
    eventType: flight.eventType,
    reason: state.final === 'unknown' ? 'GoneWhileAway' : flight.reason,
    version: flight.version,
    idSuffix: idSuffix(entry, flight, children),
    changed: flight.changed,
    previous: entry.previousRaw === undefined ? undefined : parseObject(entry.previousRaw),
    children:
      owns.length === 0
        ? undefined
        : owns.map((kind) => ({
            kind,
            objects: children
              .filter(({ ref }) => ref.kind === kind.kind && ref.apiVersion === kind.apiVersion)
              .map(({ object }) => object),
          })),
    attempt: flight.attempt,
    epoch: 0,
    timeMs: record.firstSeenMs,
    deletionVersion: endVersion(record),
    final: state.final,
    timeoutMs,
    deadlineMs: clock.monotonic() + timeoutMs,
    deadlineAtMs: clock.now() + timeoutMs,
    maxDataBytes: target.maxDataBytes,
    random,
  };
  return buildInvocation(input);
}

/** A state that was read before the watch told the end may be newer than that, and no sequence goes back. */
function endVersion({ gone, resourceVersion }: Entry['record']): string | undefined {
  if (gone === undefined) return undefined;
  return compareResourceVersions(gone.resourceVersion, resourceVersion) < 0
    ? resourceVersion
    : gone.resourceVersion;
}

function idSuffix({ record }: Entry, flight: Flight, children: Delivery['children']): IdSuffix {
  if (flight.reason === 'LeftScope')
    return { kind: 'left', resourceVersion: record.gone?.resourceVersion ?? flight.version };
  switch (flight.named?.reason) {
    case 'Child':
      return {
        kind: 'child',
        children: children.map(({ object }) => ({
          uid: object.metadata.uid,
          resourceVersion: object.metadata.resourceVersion,
        })),
      };
    case 'Requeue':
    case 'Resync':
      return { kind: 'timed', dueUnixSeconds: flight.named.dueUnixSeconds ?? 0 };
    case 'Redeliver':
    case 'Replay':
      return { kind: 'redeliver', value: flight.named.value ?? '' };
    case undefined:
      return { kind: 'none' };
  }
}
