import {
  customResource,
  defineFunction,
  done,
  type HandlerContext,
  type KubernetesObject,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { API_VERSION, type GatewayConfigSpec, type PartKind, referencesOf } from './kinds.ts';

const CONFIG = { apiVersion: API_VERSION, kind: 'AIGatewayConfig' };

interface Change extends Pick<HandlerContext<unknown>, 'type' | 'cluster'> {
  readonly object: Pick<KubernetesObject, 'kind' | 'metadata'>;
}

/**
 * A change of a part, told to the configurations that refer to it: the annotation asks Statewire to deliver them once
 * more, and their function reads everything anew. So one function alone decides what is in force, whatever changed.
 *
 * The value depends on the change only: told twice, it is told once.
 */
async function tell({ object, type, cluster }: Change): Promise<number> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const value = `${object.kind}/${name}/${type === 'Deleted' ? `deleted-${uid}` : resourceVersion}`;
  const configs = await cluster.list({ ...CONFIG, namespace });
  const concerned = configs.filter((config) =>
    referencesOf(config['spec'] as GatewayConfigSpec, object.kind as PartKind).includes(name),
  );
  for (const { metadata } of concerned) {
    if (metadata.deletionTimestamp !== undefined) continue;
    await cluster.apply({
      ...CONFIG,
      metadata: {
        name: metadata.name,
        ...(namespace !== undefined && { namespace }),
        // The one that was listed, never a new one.
        uid: metadata.uid,
        annotations: { 'statewire.dev/redeliver-at': value },
      },
    });
  }
  return concerned.length;
}

/** The function of one kind of part. */
function part(kind: PartKind): StatewireFunction {
  const Part = customResource({
    group: 'gateway.example.com',
    version: 'v1',
    kind,
    spec: z.looseObject({}),
  });
  const changed = async (context: Change): Promise<ResultOf<typeof Part>> => {
    const count = await tell(context);
    const message = `${count} ${count === 1 ? 'configuration' : 'configurations'}`;
    return done({
      conditions: [{ type: 'Told', status: 'True', reason: 'Told', message }],
    });
  };
  return defineFunction(Part, {
    created: changed,
    updated: changed,
    async deleted(context) {
      await tell(context);
      return done();
    },
  });
}

export const llmModel: StatewireFunction = part('LLMModel');
export const llmRoutingPolicy: StatewireFunction = part('LLMRoutingPolicy');
export const promptTemplate: StatewireFunction = part('PromptTemplate');
export const rateLimitPolicy: StatewireFunction = part('RateLimitPolicy');
