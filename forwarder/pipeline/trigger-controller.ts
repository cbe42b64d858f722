/**
 * Follows triggers as they come, change and go, and runs a pipeline for each. A mistake in one trigger stays there: it
 * is shown in that trigger's conditions, and the others go on.
 */
import { readIdentity } from '../config/trigger-identity.ts';
import { readTrigger } from '../config/read-trigger.ts';
import { describeProblems } from '../config/trigger-problem.ts';
import { FinalizerWriter } from '../finalizer/finalizer-writer.ts';
import { ApiTriggerHold } from '../finalizer/trigger-hold.ts';
import { messageOf } from '../lib/errors.ts';
import type { GroupVersionKind } from '../model/resource.ts';
import type { Target } from '../model/target.ts';
import type { Trigger, TriggerIdentity } from '../model/trigger.ts';
import { triggerName } from '../model/trigger.ts';
import { TriggerPipeline } from './pipeline.ts';
import { releaseAll, watchedKind } from './release-all.ts';
import type { Services } from './services.ts';
import { isSameTrigger, kindOf, setUp } from './setup.ts';
import { tellAdvice } from './target-advice.ts';

interface Known {
  identity: TriggerIdentity;
  /** As it runs, or as it last ran. */
  trigger: Trigger | undefined;
  /** What `trigger` was read from, as JSON. */
  stated: string;
  /** Group and kind that the pipeline watches. */
  kind: string;
  pipeline: TriggerPipeline | undefined;
  /** As the pipeline calls it. */
  target: Target | undefined;
  /** The trigger's own finalizer. */
  readonly hold: ApiTriggerHold | undefined;
  /** It is being deleted, and its end has begun. */
  departing: boolean;
  /** Edits are made one after the other. */
  work: Promise<void>;
  gone: boolean;
}

export interface TriggerControllerOptions {
  readonly services: Services;
  readonly from: 'api' | 'file';
  /** Namespaces whose triggers are run; empty: all. */
  readonly namespaces: readonly string[];
  /** Whether functions that are only queued can report their results. @defaultValue false */
  readonly callbacks?: boolean;
}

export class TriggerController {
  readonly #options: TriggerControllerOptions;
  readonly #known = new Map<string, Known>();
  /** Triggers that are gone, for as long as they hold objects or calls run. */
  readonly #leaving = new Set<Known>();
  readonly #stop = new AbortController();
  /** Triggers that were put and are still being set up or refused. */
  #settingUp = 0;

  constructor(options: TriggerControllerOptions) {
    this.#options = options;
  }

  /** A trigger is there, or was changed. */
  put(raw: Record<string, unknown>): void {
    const identity = readIdentity(raw);
    if (identity === undefined) return;
    const { namespaces, services } = this.#options;
    if (namespaces.length > 0 && !namespaces.includes(identity.namespace)) return;
    let known = this.#known.get(identity.uid);
    if (known === undefined) {
      known = {
        identity,
        trigger: undefined,
        stated: '',
        kind: '',
        pipeline: undefined,
        target: undefined,
        hold: this.#holdOf(identity),
        departing: false,
        work: this.#halted(identity.uid),
        gone: false,
      };
      this.#known.set(identity.uid, known);
      services.status.adopt(identity, raw['status']);
    }
    const current = known;
    current.hold?.seen(metadataOf(raw));
    this.#settingUp += 1;
    current.work = current.work
      .then(() => this.#follow(current, raw, identity))
      .catch((error: unknown) =>
        services.logger.error('trigger cannot be followed', {
          trigger: triggerName(identity),
          error: messageOf(error),
        }),
      )
      .finally(() => {
        this.#settingUp -= 1;
      });
  }

  /** The trigger with this uid is gone; deleted and re-created it is a new one. */
  remove(uid: string): void {
    const known = this.#known.get(uid);
    if (known === undefined) return;
    this.#known.delete(uid);
    known.gone = true;
    this.#leaving.add(known);
    void known.work
      .then(async () => {
        await known.pipeline?.end();
        await this.#close(known);
      })
      .finally(() => this.#leaving.delete(known));
  }

  async #close(known: Known): Promise<void> {
    const { services } = this.#options;
    await known.pipeline?.drain();
    services.deadLetters.remove(known.identity);
    known.pipeline?.stop();
    await known.target?.[Symbol.asyncDispose]();
    await this.#erase(known);
    const name = triggerName(known.identity);
    if (!this.#isKnown(name)) {
      services.meter.forget({ trigger: name });
      services.meter.forget({ name });
    }
    services.status.forget(known.identity);
  }

  /** A trigger that comes back before it had released all goes on holding: the one before stops where it is. */
  async #halted(uid: string): Promise<void> {
    for (const { identity, pipeline } of this.#leaving) {
      if (identity.uid !== uid) continue;
      await pipeline?.drain();
      pipeline?.stop();
    }
  }

  #holdOf(identity: TriggerIdentity): ApiTriggerHold | undefined {
    const { services, from } = this.#options;
    if (from === 'file') return undefined;
    return new ApiTriggerHold({ writer: new FinalizerWriter(services), identity, logger: services.logger });
  }

  /** Whether there is a trigger of that name: one that was made anew goes on with the series of the one before. */
  #isKnown(name: string): boolean {
    return [...this.#known.values()].some(({ identity }) => triggerName(identity) === name);
  }

  /** uids of all triggers that are known, valid or not. */
  get uids(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Whether the first list of every trigger that can be listed has been taken in. */
  get settled(): boolean {
    if (this.#settingUp > 0) return false;
    return [...this.#known.values()].every(({ pipeline }) => pipeline === undefined || pipeline.settled);
  }

  /** Resolves when every trigger that was put has been set up or refused. */
  async idle(): Promise<void> {
    await Promise.all([...this.#known.values()].map(({ work }) => work));
  }

  /** No new invocations; resolves when running ones have ended and their results are written. */
  async drain(): Promise<void> {
    const all = [...this.#known.values(), ...this.#leaving];
    await Promise.all(all.map(async ({ pipeline }) => pipeline?.drain()));
  }

  stop(): void {
    this.#stop.abort(new Error('stopped'));
    for (const { pipeline } of [...this.#known.values(), ...this.#leaving]) pipeline?.stop();
  }

  async #follow(known: Known, raw: Record<string, unknown>, identity: TriggerIdentity): Promise<void> {
    if (known.gone) return;
    const isDeleting = metadataOf(raw)['deletionTimestamp'] !== undefined;
    // What holds nothing goes by itself.
    if (isDeleting && known.pipeline === undefined && known.hold?.held !== true) return;
    await this.#run(known, raw, identity);
    if (isDeleting && !known.gone) this.#depart(known, raw);
  }

  async #run(known: Known, raw: Record<string, unknown>, identity: TriggerIdentity): Promise<void> {
    const { services, from, callbacks } = this.#options;
    known.identity = identity;
    // Our own status writes come back as changes, too.
    const stated = JSON.stringify([raw['spec'], metadataOf(raw)['annotations']]);
    if (known.trigger !== undefined && known.stated === stated) return;
    const read = readTrigger(raw, { source: from, callbacks });
    if (!('trigger' in read)) {
      this.#refuse(known, describeProblems(read.problems));
      return;
    }
    const { trigger } = read;
    if (known.trigger !== undefined && isSameTrigger(known.trigger, trigger)) return;
    const setup = await setUp(services, trigger);
    if ('field' in setup) {
      this.#refuse(known, { reason: 'Invalid', message: setup.message });
      return;
    }
    const targetBefore = known.target;
    known.target = setup.target;
    if (known.gone) return await targetBefore?.[Symbol.asyncDispose]();
    const before = known.pipeline === undefined ? undefined : known.kind;
    const heldBefore = known.trigger?.spec.finalizer === true ? known.trigger.spec.watch : undefined;
    known.trigger = trigger;
    known.stated = stated;
    known.kind = kindOf(trigger);
    if (known.pipeline !== undefined && before !== known.kind) {
      // Another kind has other objects: to them this is a new trigger.
      await known.pipeline.drain();
      known.pipeline.stop();
      known.pipeline = undefined;
      if (heldBefore !== undefined) this.#inBackground(known, this.#release(known, heldBefore));
    }
    if (known.pipeline === undefined) {
      known.pipeline = new TriggerPipeline(services, setup, known.hold);
      known.pipeline.start();
      services.logger.info('trigger accepted', { trigger: setup.name, target: setup.target.description });
    } else {
      known.pipeline.edit(setup);
      services.logger.info('trigger changed', { trigger: setup.name, target: setup.target.description });
    }
    await targetBefore?.[Symbol.asyncDispose]();
    void tellAdvice(services, setup, () => known.trigger === trigger && !known.gone);
  }

  /** What was remembered for a trigger goes with it; where that cannot be done now, its owner takes it along. */
  async #erase({ identity, pipeline }: Known): Promise<void> {
    try {
      await pipeline?.erase();
    } catch (error) {
      const { logger } = this.#options.services;
      logger.warn('checkpoint cannot be removed', {
        trigger: triggerName(identity),
        error: messageOf(error),
      });
    }
  }

  /** The trigger is being deleted: it stays until it holds no object. */
  #depart(known: Known, raw: Record<string, unknown>): void {
    if (known.departing) return;
    known.departing = true;
    this.#inBackground(known, known.pipeline?.end() ?? this.#releaseUnread(known, raw));
  }

  /** Nobody can say how to call the function of a trigger that has never been valid here. */
  async #releaseUnread(known: Known, raw: Record<string, unknown>): Promise<void> {
    const kind = watchedKind(raw);
    if (kind !== undefined) await this.#release(known, kind);
    await known.hold?.release(this.#stop.signal);
  }

  #release(known: Known, kind: GroupVersionKind): Promise<void> {
    return releaseAll(this.#options.services, known.identity, kind, this.#stop.signal);
  }

  #inBackground({ identity }: Known, work: Promise<void>): void {
    void work.catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      const { logger } = this.#options.services;
      logger.error('objects cannot be released', { trigger: triggerName(identity), error: messageOf(error) });
    });
  }

  #refuse(known: Known, { reason, message }: { readonly reason: string; readonly message: string }): void {
    const { services } = this.#options;
    known.trigger = undefined;
    known.pipeline?.halt(reason, message);
    const condition = { type: 'Accepted', status: 'False', reason, message } as const;
    services.status.update(known.identity, { conditions: [condition] });
    services.logger.warn('trigger refused', { trigger: triggerName(known.identity), reason, error: message });
  }
}

function metadataOf(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return (raw['metadata'] ?? {}) as Record<string, unknown>;
}
