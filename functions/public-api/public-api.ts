import {
  customResource,
  defineFunction,
  done,
  requeue,
  type ContextOf,
  type DeletedContextOf,
  type ObjectMeta,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { GatewayRoutes, GatewayUnavailableError } from './admin-api.ts';
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

type Result = ResultOf<typeof PublicAPI>;

/** Reads the routes and policies of this API as they are now, and publishes them: all of them, or none. */
async function reconcile({ object, cluster, signal, log }: ContextOf<typeof PublicAPI>): Promise<Result> {
  const { metadata, spec, status } = object;
  const { routes, missing } = await desiredRoutes(metadata.name, metadata.namespace, spec, cluster);
  const published = status?.routes ?? 0;
  if (missing.length > 0) {
    // A route without its policy would be open to everybody.
    return said('Pending', published, 'PolicyNotFound', `APIPolicy ${missing.join(', ')} not found`);
  }
  return await unlessUnavailable(published, async () => {
    const refusal = await gatewayRoutes(metadata, signal).publish(routes);
    if (refusal !== undefined) {
      log.warn('rolled back', { refusal });
      return said('RolledBack', published, 'RefusedByGateway', refusal);
    }
    const count = Object.keys(routes).length;
    return said('Published', count, 'Published', `the gateway has every route (${count})`);
  });
}

/** The resource stays until the gateway has no route of it. */
async function remove({ object, signal, log }: DeletedContextOf<typeof PublicAPI>): Promise<Result> {
  const published = object.status?.routes ?? 0;
  return await unlessUnavailable(published, async () => {
    const refusal = await gatewayRoutes(object.metadata, signal).withdraw();
    if (refusal === undefined) return done();
    log.warn('not withdrawn', { refusal });
    return again(said('Published', published, 'RefusedByGateway', refusal));
  });
}

/**
 * A gateway that is away is no failure of this function, however long it takes: what is wrong stands in the status, and
 * the object comes again. An error would be given up after some attempts.
 */
async function unlessUnavailable(published: number, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GatewayUnavailableError)) throw error;
    return again(said('Pending', published, 'GatewayUnavailable', error.message));
  }
}

/** `finalized` counts on a deletion only. */
function again(result: Result): Result {
  return requeue('5s', { ...result, finalized: false });
}

function said(
  phase: 'Pending' | 'Published' | 'RolledBack',
  routes: number,
  reason: string,
  message: string,
): Result {
  const status = reason === 'Published' ? 'True' : 'False';
  return done({ status: { phase, routes }, conditions: [{ type: 'Ready', status, reason, message }] });
}

/** An API at a gateway: its routes and their policies, through the gateway's admin API. */
export const publicApi: StatewireFunction = defineFunction(PublicAPI, {
  created: reconcile,
  updated: reconcile,
  deleted: remove,
});
