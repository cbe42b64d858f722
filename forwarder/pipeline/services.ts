/** What all pipelines of a process share. */
import type { SegmentStores } from '../checkpoint/segment-store.ts';
import type { DeadLetters } from '../dead-letter/dead-letters.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { OpenApi } from '../kube/openapi.ts';
import type { EventSink } from '../apply/event-recorder.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Slots } from '../lib/slots.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { Meter } from '../model/metrics.ts';
import type { TargetSpec, Trigger, TriggerIdentity } from '../model/trigger.ts';
import type { Target } from '../model/target.ts';
import type { Turns } from '../queue/turns.ts';
import type { SourceRegistry } from '../source/source-registry.ts';
import type { TriggerStatusSink } from '../status/trigger-status.ts';

export interface Services {
  readonly client: KubeClient;
  readonly sources: SourceRegistry;
  readonly discovery: Discovery;
  readonly schemas: OpenApi;
  readonly recorder: EventSink;
  /** Writes of results under way at once, over all triggers. */
  readonly writeSlots: Slots;
  /** Fair turns between triggers. */
  readonly turns: Turns;
  readonly createTarget: (
    spec: TargetSpec,
    delivery: { readonly reply: 'Result' | 'Ignore' },
    trigger: Trigger,
  ) => Target;
  readonly status: TriggerStatusSink;
  /** Where what was handled is written down. */
  readonly checkpoints: SegmentStores;
  /** What was given up. */
  readonly deadLetters: DeadLetters;
  readonly meter: Meter & { initTrigger(trigger: string, targetType: string): void };
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** First part of the `source` attribute. */
  readonly clusterId: string;
  /** Whose credentials watch and apply; part of a source's key. */
  readonly identityOf: (trigger: TriggerIdentity) => string;
}
