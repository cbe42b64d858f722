/** Worlds whose objects have ConfigMaps as children. */
import { PipelineWorld, type WorldOptions } from './pipeline-world.ts';

export const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

export function conf(data: Readonly<Record<string, string>>): {
  readonly apply: { apiVersion: string; kind: string; metadata: { name: string }; data: unknown }[];
} {
  return { apply: [{ ...CONFIG_MAP, metadata: { name: 'conf' }, data }] };
}

/** A world whose function applies one ConfigMap with the size in it. */
export async function applying(options: WorldOptions = {}): Promise<PipelineWorld> {
  const world = await PipelineWorld.start({
    ...options,
    spec: { watch: { owns: [CONFIG_MAP] }, ...options.spec },
  });
  world.host.script = ({ data, type }) =>
    type === 'deleted' ? [{}] : [conf({ size: JSON.stringify(data.object['spec']) })];
  return world;
}

/** A world in which a ConfigMap without a label of ours is watched too. */
export function watchingAll(): Promise<PipelineWorld> {
  return PipelineWorld.start({ spec: { watch: { owns: [{ ...CONFIG_MAP, labelSelector: '' }] } } });
}

/** The size in the ConfigMap `conf` as a call told it. */
export function confSent({ data }: PipelineWorld['call']): unknown {
  const children = data.children?.['ConfigMap.v1'] as { conf?: { data: { size: unknown } } } | undefined;
  return children?.conf?.data.size;
}

export const reasons = (world: PipelineWorld): string[] => world.calls.map(({ data }) => data.reason);
