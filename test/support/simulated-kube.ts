/** A simulated API server of a test's own, and requests for the ConfigMaps of its one namespace. */
import type { Readable } from 'node:stream';
import { ApiError } from '../../forwarder/lib/errors.ts';
import {
  SimulatedApiServer,
  type SimulatedApiServerOptions,
} from '../../local-cluster/simulated/api-server.ts';
import { InProcessKube } from '../../local-cluster/simulated/in-process.ts';
import type { KubeRequest } from '../../forwarder/model/kube-client.ts';
import { ManualClock } from './manual-clock.ts';
import { mulberry } from './mulberry.ts';

export const MAPS = '/api/v1/namespaces/shop/configmaps';

interface Loose {
  readonly type: string;
  readonly object: { readonly metadata: { readonly name?: string; readonly resourceVersion: string } };
}

/** One API server on a clock of its own, with the namespace `shop`. */
export function simulate(options: Partial<SimulatedApiServerOptions> = {}): {
  readonly clock: ManualClock;
  readonly api: SimulatedApiServer;
  readonly kube: InProcessKube;
} {
  const clock = new ManualClock();
  const api = new SimulatedApiServer({ clock, random: mulberry(1), namespaces: ['shop'], ...options });
  return { clock, api, kube: new InProcessKube({ server: () => api, clock }) };
}

/** The body of the answer. */
export async function callKube(kube: InProcessKube, request: KubeRequest): Promise<unknown> {
  return JSON.parse((await kube.request(request)).text);
}

export function makeMap(kube: InProcessKube, name: string, metadata: object = {}): Promise<unknown> {
  return callKube(kube, {
    method: 'POST',
    path: MAPS,
    body: JSON.stringify({ metadata: { name, ...metadata } }),
  });
}

/** What a watch tells, as `TYPE name`. */
function told(body: Readable): string[] {
  const lines: string[] = [];
  body.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      const { type, object } = JSON.parse(line) as Loose;
      lines.push([type, object.metadata.name].filter((part) => part !== undefined).join(' '));
    }
  });
  body.on('error', () => lines.push('lost'));
  body.on('end', () => lines.push('end'));
  return lines;
}

export async function watchMaps(
  kube: InProcessKube,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal = new AbortController().signal,
): Promise<string[]> {
  const all = { watch: 'true', ...query };
  return told(await kube.open({ path: MAPS, query: all, headTimeoutMs: 1000, signal }));
}

export async function mapNames(
  kube: InProcessKube,
  query: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const { items } = (await callKube(kube, { method: 'GET', path: MAPS, query })) as {
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  };
  return items.map(({ metadata }) => metadata.name);
}

export function withCode(wanted: string): (error: unknown) => boolean {
  return (error) => error instanceof ApiError && error.code === wanted;
}
