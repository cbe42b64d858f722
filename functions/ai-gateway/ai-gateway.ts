import {
  customResource,
  defineFunction,
  done,
  type ContextOf,
  type Manifest,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { deleteConfig, putConfig } from './admin-api.ts';
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

/**
 * Renders what the configuration names, as it is now, and puts that in force. Until everything is there and fits, the
 * gateway keeps what it had.
 */
async function reconcile(context: Context): Promise<ResultOf<typeof AIGatewayConfig>> {
  const { object, cluster, signal } = context;
  const { resolved, missing } = await resolve(object, cluster);
  if (missing.length > 0) {
    return refused(context, 'Pending', 'NotFound', `${missing.join(', ')} not found`);
  }
  const rendered = render(object.spec, resolved);
  if ('problem' in rendered) return refused(context, 'Invalid', 'DoesNotFit', rendered.problem);
  const { config } = rendered;
  const { adminUrl } = object.spec.publish;
  if (adminUrl !== undefined) {
    const refusal = await putConfig(object, adminUrl, config, signal);
    if (refusal !== undefined) return refused(context, 'Failed', 'RefusedByGateway', refusal);
  }
  return done({
    // Without the ConfigMap in the list, one from before is pruned.
    apply: adminUrl === undefined ? [configMapOf(context, config)] : [],
    status: { phase: 'Applied', ...appliedStatus(context, config) },
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Applied', message: `${config.models.length} models` },
    ],
  });
}

/** The time moves with the configuration only, so that a call without news writes nothing. */
function appliedStatus({ object }: Context, config: RenderedConfig): Omit<GatewayConfigStatus, 'phase'> {
  const configDigest = digestOf(config);
  const before = object.status;
  const isSame = before?.configDigest === configDigest;
  return {
    appliedModels: config.models.map(({ name }) => name),
    lastAppliedTimestamp: (isSame ? before.lastAppliedTimestamp : undefined) ?? new Date().toISOString(),
    configDigest,
  };
}

/** What the gateway has stays as it is, and so does what the status says of that. */
function refused(
  { object }: Context,
  phase: GatewayConfigStatus['phase'],
  reason: string,
  message: string,
): ResultOf<typeof AIGatewayConfig> {
  return done({
    status: { ...appliedBefore(object.status), phase },
    conditions: [{ type: 'Ready', status: 'False' as const, reason, message }],
  });
}

function appliedBefore(status: Context['object']['status']): Partial<GatewayConfigStatus> {
  const { appliedModels, lastAppliedTimestamp, configDigest } = status ?? {};
  return configDigest === undefined ? {} : { appliedModels, lastAppliedTimestamp, configDigest };
}

function configMapOf({ object }: Context, config: RenderedConfig): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${object.metadata.name}-ai-gateway` },
    data: { 'gateway.json': JSON.stringify(config, null, 2) },
  };
}

/** One configuration for an AI gateway, from the resources that it refers to. */
export const aiGateway: StatewireFunction = defineFunction(AIGatewayConfig, {
  created: reconcile,
  updated: reconcile,
  // A ConfigMap has its owner; what was told by the admin API is taken back here.
  async deleted({ object, signal }) {
    const adminUrl = object.spec?.publish.adminUrl;
    if (adminUrl !== undefined) await deleteConfig(object, adminUrl, signal);
    return done();
  },
});
