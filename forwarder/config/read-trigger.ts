/** From a trigger's YAML to the Trigger that the forwarder works with, or to what its author must change. */
import { parseDuration } from '../../protocol/duration.ts';
import type { ChangeClass } from '../../protocol/event.ts';
import { parseFieldPath } from '../lib/field-path.ts';
import { headerProblem } from '../lib/http-headers.ts';
import {
  type Counting,
  type OwnedKind,
  REDELIVER_ANNOTATION,
  type TargetSpec,
  type Trigger,
  type TriggerSpec,
} from '../model/trigger.ts';
import { fieldSelectorProblem } from './field-selector.ts';
import { FILE_TARGET_RULES, withFileTarget } from './file-target.ts';
import { selectorProblems, selectorQuery } from './label-selector.ts';
import { readBySchema } from './read-by-schema.ts';
import { readIdentity } from './trigger-identity.ts';
import type { HttpManifest, TriggerManifest } from './trigger-manifest.ts';
import { childPath, problem, type TriggerProblem } from './trigger-problem.ts';
import { notSupported, TRIGGER_RULES } from './trigger-rules.ts';
import { triggerSchema } from './trigger-schema.ts';

type Spec = TriggerManifest['spec'];

const EVERY_CLASS: readonly ChangeClass[] = ['Spec', 'Status', 'Labels', 'Annotations'];

/**
 * Reads one trigger, however it came: what the CRD's schema and CEL rules say is checked here too, because a file and
 * an older CRD do not. `spec.when` is compiled by the filter.
 *
 * Fields that the schema does not know are refused from a file; from the API they belong to a newer CRD, whose defaults
 * must not stop an older forwarder.
 */
export function readTrigger(
  raw: unknown,
  from: {
    readonly source: 'api' | 'file';
    /** Whether functions that are only queued can report an outcome. @defaultValue false */
    readonly callbacks?: boolean | undefined;
  },
): { readonly trigger: Trigger } | { readonly problems: readonly TriggerProblem[] } {
  const found: TriggerProblem[] = [];
  const isFile = from.source === 'file';
  const read = readBySchema(
    isFile ? withFileTarget(triggerSchema()) : triggerSchema(),
    withoutStatus(raw),
    '',
    {
      rules: isFile ? { ...TRIGGER_RULES, ...FILE_TARGET_RULES } : TRIGGER_RULES,
      unknownFields: isFile ? 'refuse' : 'ignore',
    },
    found,
  );
  const later = notSupported((raw as { spec?: unknown } | null | undefined)?.spec).filter(
    ({ field }) => !isFile || field !== 'spec.target.file',
  );
  // The schema of the API has no target.file, and so counts no target where there is one.
  const known = found.filter(
    ({ field, reason }) =>
      !later.some(
        (one) => one.field === field || (one.field === 'spec.target.file' && reason === 'ExactlyOneTarget'),
      ),
  );
  const identity = readIdentity(raw);
  if (identity === undefined) {
    known.push(problem('metadata', 'Required', 'name, namespace and uid are required'));
  }
  const problems = [...later, ...known];
  if (problems.length > 0 || read === undefined || identity === undefined) return { problems };
  const { metadata, spec } = read as TriggerManifest;
  const unfit = [...contentProblems(spec), ...outcomeProblems(spec, from.callbacks === true)];
  if (unfit.length > 0) return { problems: unfit };
  const redeliverAt = metadata.annotations?.[REDELIVER_ANNOTATION];
  return {
    trigger: {
      identity,
      spec: normalise(spec, identity.namespace),
      ...(typeof redeliverAt === 'string' ? { redeliverAt } : {}),
    },
  };
}

function withoutStatus(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const { status: _status, ...rest } = raw as { status?: unknown };
  return rest;
}

/** What no schema can say: paths, selectors and headers that are well-formed texts and yet none. */
function contentProblems({ watch, fields = [], payload, target }: Spec): readonly TriggerProblem[] {
  const problems: TriggerProblem[] = [];
  const add = (field: string, text: string | undefined): void => {
    if (text !== undefined) problems.push(problem(field, 'Invalid', text));
  };
  problems.push(...selectorProblems(watch.labelSelector ?? {}, 'spec.watch.labelSelector'));
  for (const [index, { labelSelector = {} }] of (watch.owns ?? []).entries()) {
    problems.push(...selectorProblems(labelSelector, `spec.watch.owns[${index}].labelSelector`));
  }
  if (watch.fieldSelector !== undefined) {
    add('spec.watch.fieldSelector', fieldSelectorProblem(watch.fieldSelector));
  }
  for (const [index, path] of fields.entries()) add(`spec.fields[${index}]`, pathProblem(path));
  for (const [index, path] of (payload.redact ?? []).entries()) {
    add(`spec.payload.redact[${index}]`, pathProblem(path));
  }
  for (const [name, value] of Object.entries(target.http?.headers ?? {})) {
    add(childPath('spec.target.http.headers', name), headerProblem(name, value));
  }
  for (const [index, { name }] of (target.http?.headersFrom ?? []).entries()) {
    add(`spec.target.http.headersFrom[${index}].name`, headerProblem(name, ''));
  }
  for (const [index, address] of (target.kafka?.brokers ?? []).entries()) {
    add(`spec.target.kafka.brokers[${index}]`, portProblem(address));
  }
  return problems;
}

/** A finalizer waits for an outcome, which a queued call reports by a callback only. */
function outcomeProblems({ finalizer, target }: Spec, callbacks: boolean): readonly TriggerProblem[] {
  const isQueued = target.lambda?.invocationType === 'Event' || target.openfaas?.async === true;
  if (!finalizer || !isQueued || callbacks) return [];
  const text = 'finalizer needs a target that reports an outcome; for queued calls set --callback-address';
  return [problem('spec.finalizer', 'Invalid', text)];
}

function portProblem(address: string): string | undefined {
  const port = Number(/[0-9]+$/.exec(address)?.[0]);
  return port >= 1 && port <= 65_535 ? undefined : 'must end with a port between 1 and 65535';
}

function pathProblem(text: string): string | undefined {
  const path = parseFieldPath(text);
  return 'problem' in path ? path.problem : undefined;
}

function normalise(spec: Spec, namespace: string): TriggerSpec {
  const { watch, delivery, payload, when, resync } = spec;
  const { fieldSelector, labelSelector, owns = [] } = watch;
  const selector = selectorQuery(labelSelector ?? {});
  return {
    watch: {
      apiVersion: watch.apiVersion,
      kind: watch.kind,
      ...(selector === '' ? {} : { labelSelector: selector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      owns: owns.map(({ apiVersion, kind, labelSelector }): OwnedKind => ({
        apiVersion,
        kind,
        ...(labelSelector === undefined ? {} : { labelSelector: selectorQuery(labelSelector) }),
      })),
    },
    eventTypes: spec.eventTypes,
    counting: countingOf(spec),
    ...(when === undefined ? {} : { when }),
    initial: spec.initial,
    debounce: { quietMs: ms(spec.debounce.quiet), maxWaitMs: ms(spec.debounce.maxWait) },
    target: targetOf(spec.target, namespace),
    delivery: {
      timeoutMs: ms(delivery.timeout),
      maxAttempts: delivery.maxAttempts,
      backoff: { initialMs: ms(delivery.backoff.initial), maxMs: ms(delivery.backoff.max) },
      concurrency: delivery.concurrency,
      ...(delivery.ratePerSecond === undefined ? {} : { ratePerSecond: delivery.ratePerSecond }),
      perObject: { burst: delivery.perObject.burst, everyMs: ms(delivery.perObject.every) },
      reply: delivery.reply,
    },
    payload: {
      previous: payload.previous,
      redact: payload.redact ?? [],
      dataref: payload.dataref,
      token: payload.token,
    },
    finalizer: spec.finalizer,
    finalizerDeadlineMs: ms(spec.finalizerDeadline),
    ...(resync === undefined ? {} : { resyncMs: ms(resync) }),
    serviceAccountName: spec.serviceAccountName,
    suspend: spec.suspend,
  };
}

function countingOf({ fields, changes = ['Spec'] }: Spec): Counting {
  if (fields !== undefined) return { kind: 'fields', paths: fields };
  const classes = EVERY_CLASS.filter((one) => changes.includes('Any') || changes.includes(one));
  return { kind: 'changes', classes };
}

function targetOf(target: Spec['target'], namespace: string): TargetSpec {
  const { lambda, http, openfaas, knative, nats, kafka, rabbitmq, file } = target;
  if (lambda !== undefined) return { type: 'lambda', ...lambda };
  if (nats !== undefined) return { type: 'nats', ...nats };
  if (kafka !== undefined) return { type: 'kafka', ...kafka };
  if (rabbitmq !== undefined) return { type: 'rabbitmq', ...rabbitmq };
  if (file !== undefined) return { type: 'file', ...file };
  if (openfaas !== undefined) return { type: 'openfaas', ...openfaas };
  if (knative !== undefined) return { type: 'knative', ...knative };
  return httpTargetOf(http ?? {}, namespace);
}

function httpTargetOf(manifest: HttpManifest, namespace: string): TargetSpec {
  const { url, service, headers = {}, headersFrom = [], auth, tls } = manifest;
  const how = {
    headers,
    ...(headersFrom.length > 0 && { headersFrom }),
    ...(auth !== undefined && { auth }),
    ...(tls !== undefined && { tls }),
  };
  if (service === undefined) return { type: 'http', url: url ?? '', ...how };
  const { name, port, path } = service;
  return { type: 'http', url: `http://${name}.${namespace}.svc:${port}${path}`, service: name, ...how };
}

/** The schema has checked the text. */
function ms(duration: string): number {
  return parseDuration(duration) ?? 0;
}
