import {
  customResource,
  defineFunction,
  done,
  requeue,
  type ContextOf,
  type DeletedContextOf,
  type Manifest,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { deleteConfig, GatewayUnavailableError, mayTell, putConfig } from './admin-api.ts';
import type { GatewayConfigStatus } from './kinds.ts';
import { digestOf, render, type RenderedConfig } from './render.ts';
import { resolve } from './resolve.ts';

const AIGatewayConfig = customResource({
  group: 'gateway.example.com',
  version: 'v1',
  kind: 'AIGatewayConfig',
  spec: z.object({
    modelRefs: z.array(z.string()).min(1),
    routingPolicyRef: z.string().optional(),
    promptTemplateRefs: z.array(z.string()).optional(),
    rateLimitPolicyRef: z.string().optional(),
    publish: z.object({ to: z.enum(['ConfigMap', 'AdminAPI']), adminUrl: z.string().optional() }),
  }),
  status: z.object({
    phase: z.enum(['Pending', 'Applied', 'Invalid', 'Failed']),
    appliedModels: z.array(z.string()).optional(),
    lastAppliedTimestamp: z.string().optional(),
    configDigest: z.string().optional(),
  }),
});

type Context = ContextOf<typeof AIGatewayConfig>;
type Result = ResultOf<typeof AIGatewayConfig>;

/** A gateway that is away is asked again, however long it takes; an error would be given up after some attempts. */
const ASK_AGAIN = '5s';

/**
 * Renders what the configuration names, as it is now, and puts that in force. Until everything is there and fits, the
 * gateway keeps what it had.
 */
async function reconcile({ object, cluster, signal }: Context): Promise<Result> {
  const { resolved, missing } = await resolve(object, cluster);
  if (missing.length > 0) {
    return done(keeping(object, 'Pending', 'NotFound', `${missing.join(', ')} not found`));
  }
  const rendered = render(object.spec, resolved);
  if ('problem' in rendered) return done(keeping(object, 'Invalid', 'DoesNotFit', rendered.problem));
  const { config } = rendered;
  const { adminUrl } = object.spec.publish;
  if (adminUrl !== undefined) {
    if (!mayTell(adminUrl)) {
      const problem = `spec.publish.adminUrl: ${new URL(adminUrl).origin} is none of GATEWAY_ADMIN_ORIGINS`;
      return done(keeping(object, 'Invalid', 'AdminUrlNotAllowed', problem));
    }
    const refusal = await putConfig(object, adminUrl, config, signal).catch(unavailable);
    if (refusal instanceof GatewayUnavailableError) {
      return requeue(ASK_AGAIN, keeping(object, 'Failed', 'GatewayUnavailable', refusal.message));
    }
    if (refusal !== undefined) return done(keeping(object, 'Failed', 'RefusedByGateway', refusal));
  }
  return done({
    // Without the ConfigMap in the list, one from before is pruned.
    apply: adminUrl === undefined ? [configMapOf(object, config)] : [],
    status: { phase: 'Applied', ...appliedStatus(object, config) },
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Applied', message: `models: ${config.models.length}` },
    ],
  });
}

/** The time moves with the configuration only, so that a call without news writes nothing. */
function appliedStatus(
  object: Context['object'],
  config: RenderedConfig,
): Omit<GatewayConfigStatus, 'phase'> {
  const configDigest = digestOf(config);
  const before = object.status;
  const isSame = before?.configDigest === configDigest;
  return {
    appliedModels: config.models.map(({ name }) => name),
    lastAppliedTimestamp: (isSame ? before.lastAppliedTimestamp : undefined) ?? new Date().toISOString(),
    configDigest,
  };
}

/** A gateway that is away is told in the status; anything else fails the call. */
function unavailable(thrown: unknown): GatewayUnavailableError {
  if (thrown instanceof GatewayUnavailableError) return thrown;
  throw thrown;
}

/** What the gateway has stays as it is, and so does what the status says of that. */
function keeping(
  { status }: Pick<Context['object'], 'status'>,
  phase: GatewayConfigStatus['phase'],
  reason: string,
  message: string,
): Result {
  return {
    status: { ...appliedBefore(status), phase },
    conditions: [{ type: 'Ready', status: 'False', reason, message }],
  };
}

function appliedBefore(status: Context['object']['status']): Partial<GatewayConfigStatus> {
  const { appliedModels, lastAppliedTimestamp, configDigest } = status ?? {};
  return configDigest === undefined ? {} : { appliedModels, lastAppliedTimestamp, configDigest };
}

function configMapOf({ metadata }: Pick<Context['object'], 'metadata'>, config: RenderedConfig): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${metadata.name}-ai-gateway` },
    data: { 'gateway.json': JSON.stringify(config, null, 2) },
  };
}

/** A ConfigMap has its owner; what was told by the admin API is taken back before the resource goes. */
async function remove({ object, signal }: DeletedContextOf<typeof AIGatewayConfig>): Promise<Result> {
  const adminUrl = object.spec?.publish.adminUrl;
  if (adminUrl === undefined || !mayTell(adminUrl)) return done();
  const problem = await deleteConfig(object, adminUrl, signal).catch(unavailable);
  // A gateway that was never reached has nothing of it, and must not keep it for ever.
  if (problem === undefined || object.status?.configDigest === undefined) return done();
  return requeue(ASK_AGAIN, {
    ...keeping(object, 'Failed', 'GatewayUnavailable', problem.message),
    finalized: false,
  });
}

/** One configuration for an AI gateway, from the resources that it refers to. */
export const aiGateway: StatewireFunction = defineFunction(AIGatewayConfig, {
  created: reconcile,
  updated: reconcile,
  deleted: remove,
});
