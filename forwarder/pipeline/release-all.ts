/** Releases what a trigger holds of one kind without a call: where nobody can say any more how to call. */
import { FinalizerWriter } from '../finalizer/finalizer-writer.ts';
import { listHeld } from '../finalizer/held-objects.ts';
import { backoffMs } from '../lib/backoff.ts';
import { ApiError } from '../lib/errors.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import { resourcePath } from '../model/resource.ts';
import { objectFinalizer, type TriggerIdentity, triggerName } from '../model/trigger.ts';
import type { Services } from './services.ts';

const BACKOFF = { initialMs: 500, maxMs: 30_000 };

/** Kind and group of a trigger that cannot be read otherwise; undefined where it names none. */
export function watchedKind(raw: Readonly<Record<string, unknown>>): GroupVersionKind | undefined {
  const { watch } = (raw['spec'] ?? {}) as {
    readonly watch?: Partial<Record<keyof GroupVersionKind, unknown>>;
  };
  const { apiVersion, kind } = watch ?? {};
  return typeof apiVersion === 'string' && typeof kind === 'string' ? { apiVersion, kind } : undefined;
}

/** Resolves when nothing of that kind is held; goes on until then. Throws the signal's reason. */
export async function releaseAll(
  services: Services,
  identity: TriggerIdentity,
  { apiVersion, kind }: GroupVersionKind,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, random, meter, discovery } = services;
  const logger = services.logger.with({ trigger: triggerName(identity) });
  const writer = new FinalizerWriter(services);
  const finalizer = objectFinalizer(identity);
  const { namespace } = identity;
  for (let failures = 1; ; failures++) {
    try {
      const resource = await discovery.resolve(apiVersion, kind);
      if (resource === undefined || !resource.namespaced) return;
      for (const { metadata } of await listHeld({ client, resource, namespace, finalizer, signal })) {
        const { name, uid } = metadata;
        const path = resourcePath(resource, { namespace, name });
        await writer.tryOnce({ path, uid, finalizer, wanted: false, signal });
        meter.count('statewire_finalizers_released_total', {
          trigger: triggerName(identity),
          reason: 'trigger-deleted',
        });
        logger.warn('object released without a call', { key: `${namespace}/${name}`, uid });
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ApiError)) throw error;
      logger.warn('objects cannot be released yet', { code: error.code, error: error.message });
    }
    await clock.sleep(backoffMs(failures, BACKOFF, random), signal);
  }
}
