import {
  customResource,
  defineFunction,
  done,
  type Cluster,
  type KubernetesObject,
  type ObjectMeta,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { API_VERSION, type PublicApiSpec, type RouteSpec } from './kinds.ts';

const API = { apiVersion: API_VERSION, kind: 'PublicAPI' };

/** Asks Statewire to deliver an API once more. The value is made of the change, so that a repeated call asks for nothing new. */
async function redeliver(cluster: Cluster, { metadata }: KubernetesObject, change: string): Promise<void> {
  if (metadata.deletionTimestamp !== undefined) return;
  const { name, namespace, uid } = metadata;
  const annotations = { 'statewire.dev/redeliver-at': change };
  await cluster.apply({
    ...API,
    metadata: { name, ...(namespace !== undefined && { namespace }), uid, annotations },
  });
}

function changeOf(kind: string, { name, uid, resourceVersion }: ObjectMeta, gone: boolean): string {
  return `${kind}/${name}/${gone ? `deleted-${uid}` : resourceVersion}`;
}

const specs = { APIRoute: z.looseObject({ api: z.string() }), APIPolicy: z.looseObject({}) };

/** The function of one kind of part: it tells the APIs that are concerned, and one function alone publishes. */
function part(
  kind: 'APIRoute' | 'APIPolicy',
  concerns: (name: string, api: KubernetesObject, routes: readonly KubernetesObject[]) => boolean,
): StatewireFunction {
  const Part = customResource({ group: 'api.example.com', version: 'v1', kind, spec: specs[kind] });
  const tell = async (object: { metadata: ObjectMeta }, cluster: Cluster, gone: boolean): Promise<number> => {
    const { name, namespace } = object.metadata;
    const routes = await cluster.list({ apiVersion: API_VERSION, kind: 'APIRoute', namespace });
    const apis = (await cluster.list({ ...API, namespace })).filter((api) => concerns(name, api, routes));
    for (const api of apis) await redeliver(cluster, api, changeOf(kind, object.metadata, gone));
    return apis.length;
  };
  const told = (count: number) =>
    done({
      conditions: [
        {
          type: 'Told',
          status: 'True' as const,
          reason: 'Told',
          message: `${count} ${count === 1 ? 'API' : 'APIs'}`,
        },
      ],
    });
  return defineFunction(Part, {
    created: async ({ object, cluster }) => told(await tell(object, cluster, false)),
    updated: async ({ object, cluster }) => told(await tell(object, cluster, false)),
    async deleted({ object, cluster }) {
      await tell(object, cluster, true);
    },
  });
}

/** Nobody knows which API a route belonged to before its edit, so each API of the namespace looks for itself. */
export const apiRoute: StatewireFunction = part('APIRoute', () => true);

/** A policy concerns the APIs that name it, and those of routes that do. */
export const apiPolicy: StatewireFunction = part('APIPolicy', (name, api, routes) => {
  const named = (api['spec'] as PublicApiSpec).policies ?? [];
  return (
    named.includes(name) ||
    routes.some((route) => {
      const { api: owner, policies = [] } = route['spec'] as RouteSpec;
      return owner === api.metadata.name && policies.includes(name);
    })
  );
});
