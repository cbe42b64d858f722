import {
  customResource,
  defineFunction,
  done,
  type ContextOf,
  type ObjectMeta,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { GatewayRoutes } from './admin-api.ts';
import { desiredRoutes } from './desired.ts';

const PublicAPI = customResource({
  group: 'api.example.com',
  version: 'v1',
  kind: 'PublicAPI',
  spec: z.object({ basePath: z.string(), upstream: z.string(), policies: z.array(z.string()).optional() }),
  status: z.object({
    phase: z.enum(['Pending', 'Published', 'RolledBack']),
    routes: z.number().int().optional(),
  }),
});

function gatewayRoutes({ namespace, name }: ObjectMeta, signal: AbortSignal): GatewayRoutes {
  const adminUrl = process.env['GATEWAY_ADMIN_URL'];
  if (adminUrl === undefined) throw new Error('GATEWAY_ADMIN_URL is not set');
  return new GatewayRoutes(adminUrl, `${namespace}.${name}`, signal);
}

/** Reads the routes and policies of this API as they are now, and publishes them: all of them, or none. */
async function reconcile({
  object,
  cluster,
  signal,
  log,
}: ContextOf<typeof PublicAPI>): Promise<ResultOf<typeof PublicAPI>> {
  const { metadata, spec, status } = object;
  const { routes, missing } = await desiredRoutes(metadata.name, metadata.namespace, spec, cluster);
  const published = status?.routes ?? 0;
  if (missing.length > 0) {
    // A route without its policy would be open to everybody.
    return said('Pending', published, 'PolicyNotFound', `APIPolicy ${missing.join(', ')} not found`);
  }
  const refusal = await gatewayRoutes(metadata, signal).publish(routes);
  if (refusal !== undefined) {
    log.warn('rolled back', { refusal });
    return said('RolledBack', published, 'RefusedByGateway', refusal);
  }
  const count = Object.keys(routes).length;
  return said('Published', count, 'Published', `${count} routes`);
}

function said(
  phase: 'Pending' | 'Published' | 'RolledBack',
  routes: number,
  reason: string,
  message: string,
): ResultOf<typeof PublicAPI> {
  const status = phase === 'Published' ? 'True' : 'False';
  return done({ status: { phase, routes }, conditions: [{ type: 'Ready', status, reason, message }] });
}

/** An API at a gateway: its routes and their policies, through the gateway's admin API. */
export const publicApi: StatewireFunction = defineFunction(PublicAPI, {
  created: reconcile,
  updated: reconcile,
  async deleted({ object, signal }) {
    await gatewayRoutes(object.metadata, signal).publish({});
    return done();
  },
});
