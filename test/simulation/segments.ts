/** A process's way to what outlives it: the checkpoint's segments, through the same weather as everything else. */
import type { DamagedSegment, Segment } from '../../forwarder/checkpoint/segment.ts';
import type { SegmentStore, SegmentStores } from '../../forwarder/checkpoint/segment-store.ts';
import { ApiError } from '../../forwarder/lib/errors.ts';
import type { TriggerIdentity } from '../../forwarder/model/trigger.ts';
import { triggerName } from '../../forwarder/model/trigger.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './link.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { Weather } from './weather.ts';

export interface SegmentLinkOptions {
  readonly stores: SegmentStores;
  readonly clock: VirtualClock;
  readonly dice: Dice;
  readonly weather: Weather;
  readonly isOver: () => boolean;
  /** A request arrives, has taken effect, or its answer is there. */
  readonly onStage: (stage: Stage) => void;
  /** A segment was stored. */
  readonly onCreated: (trigger: string, segment: Segment) => void;
}

export class SegmentLink implements SegmentStores {
  readonly isDurable = true;
  readonly #options: SegmentLinkOptions;

  constructor(options: SegmentLinkOptions) {
    this.#options = options;
  }

  open(trigger: TriggerIdentity): SegmentStore {
    const store = this.#options.stores.open(trigger);
    const through = <T>(act: () => Promise<T>): Promise<T> => this.#through(act);
    const name = triggerName(trigger);
    return {
      list: (signal) => this.#list(store, signal),
      read: (seq) => through(() => store.read(seq)),
      create: (segment) =>
        through(async () => {
          await store.create(segment);
          this.#options.onCreated(name, segment);
        }),
      remove: (seq) => through(() => store.remove(seq)),
      clear: () => through(() => store.clear()),
    };
  }

  sweep(uids: Iterable<string>): Promise<void> {
    return this.#through(() => this.#options.stores.sweep(uids));
  }

  async *#list(
    store: SegmentStore,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Segment | DamagedSegment> {
    await this.#through(() => Promise.resolve());
    for await (const segment of store.list(signal)) yield segment;
  }

  async #through<T>(act: () => Promise<T>): Promise<T> {
    const { clock, dice, weather, isOver, onStage } = this.#options;
    const travel = async (): Promise<void> => {
      if (weather.latencyMs > 0) await clock.sleep(dice.below(weather.latencyMs));
    };
    const never = new Promise<never>(() => undefined);
    if (isOver()) return never;
    await travel();
    // What was on its way when the process ended may still arrive.
    if (isOver() && dice.chance(0.5)) return never;
    if (weather.isSilent) {
      await clock.sleep(30_000);
      if (isOver()) return never;
      throw unavailable();
    }
    if (weather.isDown || dice.chance(weather.refusing)) throw unavailable();
    const isLost = dice.chance(weather.losing);
    const wasOver = isOver();
    onStage('arrives');
    if (isOver() && !wasOver) return never;
    const value = await act();
    onStage('done');
    await travel();
    if (isOver()) return never;
    if (isLost) throw unavailable();
    onStage('known');
    return value;
  }
}

function unavailable(): ApiError {
  return new ApiError('API_UNAVAILABLE', 'the connection was lost', { status: 0 });
}
