/**
 * Finds the objects that a trigger holds and does not watch: they left its selection while nobody looked, or it is going
 * before they were listed.
 */
import { isSelected, listHeld } from '../finalizer/held-objects.ts';
import { backoffMs } from '../lib/backoff.ts';
import { ApiError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { objectKey } from '../model/kube-object.ts';
import type { Resource } from '../model/resource.ts';
import { objectFinalizer } from '../model/trigger.ts';
import { type Entries, type Entry, headOf } from './entry.ts';
import type { Intake } from './intake.ts';
import type { Services } from './services.ts';
import type { Setup } from './setup.ts';

export interface StraysOptions {
  readonly services: Pick<Services, 'client' | 'discovery' | 'clock' | 'random'>;
  readonly logger: Logger;
  readonly entries: Entries;
  readonly intake: Intake;
  readonly setup: () => Setup;
  /** As it is judged now: without, nothing can be taken in. */
  readonly resource: () => Resource | undefined;
  readonly known: (entry: Entry) => void;
  readonly signal: AbortSignal;
}

const BACKOFF = { initialMs: 500, maxMs: 30_000 };

export class Strays {
  readonly #options: StraysOptions;

  constructor(options: StraysOptions) {
    this.#options = options;
  }

  /** Resolves when every object that is held is known. @param selected whether what the selection holds is told by the watch */
  async find({ selected }: { readonly selected: boolean }): Promise<void> {
    const { services, logger, signal } = this.#options;
    for (let failures = 1; ; failures++) {
      signal.throwIfAborted();
      try {
        if (await this.#find(selected)) return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError)) throw error;
        logger.warn('held objects cannot be listed yet', { code: error.code, error: error.message });
      }
      await services.clock.sleep(backoffMs(failures, BACKOFF, services.random), signal);
    }
  }

  /** False where the kind is there, and not yet ours to judge. */
  async #find(selected: boolean): Promise<boolean> {
    const { services, setup, signal, entries, intake, known } = this.#options;
    const { identity, spec } = setup().trigger;
    const { apiVersion, kind, labelSelector, fieldSelector } = spec.watch;
    const served = await services.discovery.resolve(apiVersion, kind);
    if (served === undefined || !served.namespaced) return true;
    const resource = this.#options.resource();
    if (resource === undefined) return false;
    const { namespace } = identity;
    const { client } = services;
    const held = await listHeld({
      client,
      resource,
      namespace,
      finalizer: objectFinalizer(identity),
      signal,
    });
    for (const object of held) {
      const { name, uid } = object.metadata;
      const entry = entries.get(objectKey(uid));
      if (entry !== undefined) {
        // Of what has left the selection nobody else says that it is still held.
        if (entry.gone) entry.record.held = true;
        else if (!entry.record.held) intake.read(entry, text(object), object, true);
        known(entry);
      } else {
        const where = { client, resource, namespace, name, labelSelector, fieldSelector, signal };
        if (!selected || !(await isSelected(where))) intake.stray(headOf(object), text(object));
      }
    }
    return true;
  }
}

function text(object: KubeObject): string {
  return JSON.stringify(object);
}
