/** What the compiler lets a function's author write, and what not. Checked by `npm run types`, never run. */
import {
  childrenOf,
  customResource,
  defineFunction,
  done,
  permanent,
  requeue,
  retryAfter,
  type ContextOf,
  type FunctionResult,
  type ObjectOf,
  type ResultCondition,
  type StatewireFunction,
} from '@statewire/functions';
import { toAzure, type AzureHandler } from '@statewire/functions/azure';
import { toCloudFunction } from '@statewire/functions/cloud-function';
import { toExpress } from '@statewire/functions/express';
import { toFetch } from '@statewire/functions/fetch';
import { toHttp } from '@statewire/functions/http';
import { toKnative, type KnativeHandler } from '@statewire/functions/knative';
import { toLambda, type LambdaHandler } from '@statewire/functions/lambda';
import { toOpenFaaS, type OpenFaaSHandler } from '@statewire/functions/openfaas';
import { MemoryCluster, testFunction } from '@statewire/functions/testing';
import express from 'express';
import { createServer } from 'node:http';
import * as z from 'zod';
import * as mini from 'zod/mini';

const Application = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Application',
  spec: z.object({ image: z.string(), replicas: z.number().int().min(0) }),
  status: z.object({ availableReplicas: z.number().int() }).partial(),
});

async function reconcile({ object, previous, children, signal }: ContextOf<typeof Application>) {
  object.spec.replicas satisfies number;
  object.status?.availableReplicas satisfies number | undefined;
  previous?.spec.image satisfies string | undefined;
  object.metadata.labels?.['app'] satisfies string | undefined;
  signal satisfies AbortSignal;
  // @ts-expect-error no such field in the schema
  void object.spec.size;
  // @ts-expect-error handlers do not change what they are given
  object.metadata = { name: 'other', uid: 'u' };
  // @ts-expect-error undefined says that the event does not tell
  void childrenOf(children, 'Deployment.apps/v1')['web'];
  // @ts-expect-error a kind has a version
  childrenOf(children, 'Deployment');
  return { status: { availableReplicas: object.spec.replicas } };
}

export const application: StatewireFunction = defineFunction(Application, {
  created: reconcile,
  updated: reconcile,
  deleted: async () => done(),
});
export const handler: LambdaHandler = toLambda(application);
createServer(toHttp(application, { maxBodyBytes: 1, webhookSecret: ['whsec_a', new Uint8Array([1])] }));
createServer(toCloudFunction(application));
export const azure: AzureHandler = toAzure(application, { timeoutMs: 60_000 });
export const handle: KnativeHandler = toKnative(application);
export const openfaas: OpenFaaSHandler = toOpenFaaS(application, { status: 'write' });
export const module: { fetch(request: Request): Promise<Response> } = { fetch: toFetch(application) };
// @ts-expect-error errors of web hosts have a status, they are not thrown
toHttp(application, { errors: 'throw' });
express().use(toExpress(application)).post('/', toExpress(application));
void (handler({}, { getRemainingTimeInMillis: () => 1 }) satisfies Promise<FunctionResult>);

// A test says what it is about.
void testFunction(application, { host: 'azure', cluster: new MemoryCluster() }).created({
  metadata: { name: 'a' },
});
// @ts-expect-error an object has a name
void testFunction(application).updated({ metadata: {} });

// What a handler may return.
defineFunction(Application, { created: () => undefined, updated: () => null, deleted: async () => {} });
defineFunction(Application, { created: () => done({ status: undefined, requeueAfter: undefined }) });
defineFunction(Application, { created: () => requeue('30s', { status: { availableReplicas: 1 } }) });
defineFunction(Application, {
  created: () => {
    throw retryAfter('30s', new Error('quota'));
  },
  updated: () => {
    throw permanent('bad spec');
  },
});
defineFunction(Application, {
  created: () => ({ conditions: [{ type: 'Ready', status: 'True', reason: 'Available' }], finalized: false }),
});

defineFunction(Application, {
  // @ts-expect-error the status has another shape
  created: () => ({ status: { availableReplicas: 'all' } }),
  // @ts-expect-error a condition's status is a text
  updated: () => ({ conditions: [{ type: 'Ready', status: true, reason: 'Available' }] }),
  // @ts-expect-error the spec of a deleted object may be unknown
  deleted: ({ object }) => void object.spec.image,
});
// @ts-expect-error there is no such event
defineFunction(Application, { changed: () => done() });
// @ts-expect-error a handler for objects that are there cannot take deletions, whose spec may be unknown
defineFunction(Application, { deleted: reconcile });
// @ts-expect-error a function has a kind
defineFunction({ created: () => done() });
// @ts-expect-error a kind has a spec
customResource({ group: 'example.com', version: 'v1', kind: 'Application' });

// Transforms and defaults: handlers read what the schema makes of it.
const Timed = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Timed',
  spec: z.object({ every: z.string().transform(Number), tries: z.number().default(3) }),
});
type TimedSpec = ObjectOf<typeof Timed>['spec'];
({ every: 1, tries: 3 }) satisfies TimedSpec;
// @ts-expect-error the transform made a number of it
({ every: '1', tries: 3 }) satisfies TimedSpec;
// Without a status schema any object is a status.
defineFunction(Timed, { created: () => ({ status: { anything: [1] } }) });

// zod/mini describes kinds as well.
const Small = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Small',
  spec: mini.object({ size: mini.number() }),
});
defineFunction(Small, { created: ({ object }) => void (object.spec.size satisfies number) });

// Literals stay what they are, wherever a result is made: a status may be a list of words.
const Phased = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Phased',
  spec: z.object({}),
  status: z.object({
    phase: z.enum(['Pending', 'Ready']),
    steps: z.array(z.enum(['Plan', 'Build'])).optional(),
    size: z.union([z.literal(1), z.literal(2)]).optional(),
    inner: z.object({ kind: z.literal('a') }).optional(),
  }),
});
const ready: ResultCondition = { type: 'Ready', status: 'True', reason: 'Available' };
/** Without a context that tells the type. */
function assess({ object }: ContextOf<typeof Phased>) {
  if (object.metadata.generation === 1) return requeue('30s', { status: { phase: 'Pending' } });
  if (object.metadata.generation === 2) return done({ error: { message: 'quota' }, conditions: [ready] });
  return done({
    status: { phase: 'Ready', steps: ['Plan', 'Build'], size: 2, inner: { kind: 'a' } },
    conditions: [{ type: 'Ready', status: 'True', reason: 'Available' }],
    events: [{ type: 'Normal', reason: 'Scaled', message: 'to 3 replicas' }],
    apply: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { app: 'a' } } }],
  });
}
defineFunction(Phased, { created: assess, updated: async (context) => assess(context) });
defineFunction(Phased, { created: () => done({ status: { phase: 'Ready' } }) });
defineFunction(Phased, { created: async () => requeue('30s', { status: { phase: 'Pending' } }) });
defineFunction(Phased, {
  // @ts-expect-error not one of the words
  created: () => done({ status: { phase: 'Gone' } }),
  // @ts-expect-error not one of the words
  updated: () => requeue('30s', { status: { phase: 'Ready', steps: ['Plan', 'Fly'] } }),
  // @ts-expect-error a status is stated whole
  deleted: () => done({ status: { steps: [] } }),
});
defineFunction(Phased, {
  // @ts-expect-error no such status of a condition
  created: () => done({ conditions: [{ type: 'Ready', status: 'Yes', reason: 'Available' }] }),
  updated: async ({ patchStatus }) => {
    await patchStatus({ status: { phase: 'Pending', steps: ['Plan'] }, conditions: [ready] });
    await patchStatus({ status: { steps: ['Build'] } }, { part: 'builder' });
    // @ts-expect-error not one of the words
    await patchStatus({ status: { phase: 'Gone' } });
    // @ts-expect-error a list, not a word
    await patchStatus({ status: { steps: 'Plan' } });
  },
});
// Any object is a status where none is described.
defineFunction(Timed, {
  created: async ({ patchStatus }) => void (await patchStatus({ status: { a: [1] } })),
});
// The plain object as well.
defineFunction(Phased, {
  created: () => ({ status: { phase: 'Ready' }, error: { message: 'quota' } }),
  updated: async ({ attempt }) => {
    if (attempt === 1) return;
    return { status: { phase: 'Ready', size: 2 }, requeueAfter: `${attempt}s` };
  },
  // @ts-expect-error no such field
  deleted: () => ({ staus: { phase: 'Ready' } }),
});
