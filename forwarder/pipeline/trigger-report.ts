/** What a trigger says of itself: conditions at once, counts every second in metrics and more rarely in status. */
import { formatDuration } from '../../protocol/duration.ts';
import type { LetterProblem } from '../dead-letter/letter-problem.ts';
import { isOver, isUnmet } from '../filter/record.ts';
import type { Timer } from '../lib/clock.ts';
import type { Failure } from '../model/outcome.ts';
import type { Trigger, TriggerIdentity } from '../model/trigger.ts';
import type { SourceHealth } from '../source/source-subscriber.ts';
import type { StatusChange } from '../status/trigger-status.ts';
import type { CheckpointProblem } from './checkpoint-problem.ts';
import type { Entries, Entry } from './entry.ts';
import type { Services } from './services.ts';
import type { WaitingDeletions } from './waiting-deletions.ts';
import { WRITTEN_PARTS, type WriteProblem, WriteProblems, type WrittenPart } from './write-problems.ts';

const COUNT_EVERY_MS = 1000;
/** A list that is done sooner is not worth telling: a restart leaves the status as it is. */
const TELL_SYNCING_AFTER_MS = 2000;

/** After these, objects are sent again. */
const LOSSES: ReadonlySet<CheckpointProblem['reason']> = new Set(['Damaged', 'Lost']);

type ConditionChange = NonNullable<StatusChange['conditions']>[number];

export class TriggerReport {
  readonly #services: Services;
  readonly #identity: () => TriggerIdentity;
  readonly #name: string;
  readonly #entries: Entries;
  readonly #inFlight: () => number;
  readonly #deletions: () => WaitingDeletions;
  readonly #filterProblems = new Map<Entry, string>();
  readonly #writeProblems = new WriteProblems();
  #timer: Timer | undefined;
  #syncing: Timer | undefined;
  #stopped = false;

  constructor(options: {
    readonly services: Services;
    readonly identity: () => TriggerIdentity;
    readonly name: string;
    readonly entries: Entries;
    readonly inFlight: () => number;
    readonly deletions: () => WaitingDeletions;
  }) {
    this.#services = options.services;
    this.#identity = options.identity;
    this.#name = options.name;
    this.#entries = options.entries;
    this.#inFlight = options.inFlight;
    this.#deletions = options.deletions;
  }

  /** A version of the trigger runs: what was said of an older one's filter, target and results is forgotten. */
  accepted(target: string): void {
    this.#update({
      target,
      conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted' }],
    });
    this.#filterProblems.clear();
    this.#writeProblems.clear();
    const conditions = [
      healthy('FilterHealthy'),
      healthy('TargetReachable'),
      this.#writeProblems.condition(),
    ];
    this.#update({ conditions });
    this.#services.meter.set('statewire_circuit_open', { trigger: this.#name }, 0);
  }

  refused(reason: string, message: string): void {
    this.#say({ type: 'Accepted', status: 'False', reason, message });
  }

  source(health: SourceHealth): void {
    this.#syncing?.cancel();
    if (health.state !== 'Syncing') this.#source(health);
    else if (!this.#stopped) {
      this.#syncing = this.#services.clock.after(TELL_SYNCING_AFTER_MS, () => this.#source(health));
    }
  }

  #source({ state, message }: SourceHealth): void {
    const forbidden = state === 'Forbidden';
    const conditions: ConditionChange[] = [
      state === 'Synced'
        ? { type: 'SourceSynced', status: 'True', reason: 'Synced' }
        : { type: 'SourceSynced', status: state === 'Syncing' ? 'Unknown' : 'False', reason: state, message },
    ];
    if (forbidden)
      conditions.push({ type: 'SufficientPermissions', status: 'False', reason: state, message });
    if (state === 'Synced')
      conditions.push({ type: 'SufficientPermissions', status: 'True', reason: 'Allowed' });
    this.#update({ conditions });
  }

  circuit(problem: { readonly code: string; readonly message: string } | undefined): void {
    this.#say(
      problem === undefined
        ? healthy('TargetReachable')
        : {
            type: 'TargetReachable',
            status: 'False',
            reason: pascal(problem.code),
            message: problem.message,
          },
    );
    this.#services.meter.set(
      'statewire_circuit_open',
      { trigger: this.#name },
      problem === undefined ? 0 : 1,
    );
  }

  filter(entry: Entry, problem: string | undefined): void {
    if (problem !== undefined)
      this.#services.meter.count('statewire_filter_errors_total', { trigger: this.#name });
    if (this.#filterProblems.get(entry) === problem) return;
    if (problem === undefined) this.#filterProblems.delete(entry);
    else this.#filterProblems.set(entry, problem);
    const [example] = this.#filterProblems;
    this.#say(
      example === undefined
        ? healthy('FilterHealthy')
        : {
            type: 'FilterHealthy',
            status: 'False',
            reason: 'WhenFailed',
            message: `${example[0].name}: ${example[1]}`,
          },
    );
  }

  /** Whether the status says, perhaps from an earlier process, that what was handled is written down. */
  get saidWritten(): boolean {
    const { status, checkpoints } = this.#services;
    return checkpoints.isDurable && status.checkpointOf(this.#identity()) !== undefined;
  }

  /** How what was handled is written down: a condition once there was something wrong. */
  checkpoint(problem: CheckpointProblem | undefined): void {
    const { status, checkpoints } = this.#services;
    const isWritten = problem === undefined || LOSSES.has(problem.reason);
    if (isWritten && checkpoints.isDurable) this.#update({ checkpoint: 'Written' });
    if (problem === undefined && status.reasonOf(this.#identity(), 'CheckpointHealthy') === undefined) return;
    const said = problem ?? { reason: 'Written', message: '' };
    this.#say({ type: 'CheckpointHealthy', status: problem === undefined ? 'True' : 'False', ...said });
    if (problem === undefined || !LOSSES.has(problem.reason)) return;
    const { namespace, name, uid } = this.#identity();
    this.#services.recorder.record({
      trigger: this.#name,
      regarding: { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionTrigger', namespace, name, uid },
      type: 'Warning',
      reason: `Checkpoint${problem.reason}`,
      action: 'Restore',
      note: problem.message,
    });
  }

  /** What keeps a part of what is to be written about the object from being written. */
  written(part: WrittenPart, entry: Entry, problem: WriteProblem | undefined): void {
    if (this.#writeProblems.note(part, entry, problem)) this.#say(this.#writeProblems.condition());
  }

  /** What keeps dead letters from being written; undefined: nothing. */
  letters(problem: LetterProblem | undefined): void {
    this.#writeProblems.noteLetters(problem);
    this.#say(this.#writeProblems.condition());
  }

  /** No further attempt of this state is made: an Event on the object says so. */
  exhausted(entry: Entry, trigger: Trigger, failure: Failure, attempts: number): void {
    const times = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
    const note = `given up after ${times} until the object changes: ${failure.message}`;
    this.#warn(entry, trigger, 'DeliveryFailed', note);
    this.changed();
  }

  /** The storm guard lets the object wait; an Event on it says so once in each storm. */
  slowed(entry: Entry, trigger: Trigger, first: boolean): void {
    this.#services.meter.count('statewire_storm_delays_total', { trigger: this.#name });
    if (!first) return;
    const { burst, everyMs } = trigger.spec.delivery.perObject;
    const limit = `delivery.perObject allows ${burst} calls at once, then one every ${formatDuration(everyMs)}`;
    this.#warn(entry, trigger, 'DeliverySlowed', `called too often; ${limit}, with the newest state`);
  }

  #warn({ record }: Entry, { spec }: Trigger, reason: string, note: string): void {
    this.#services.recorder.record({
      trigger: this.#name,
      regarding: {
        apiVersion: spec.watch.apiVersion,
        kind: spec.watch.kind,
        ...(record.namespace !== undefined && { namespace: record.namespace }),
        name: record.name,
        uid: record.uid,
      },
      type: 'Warning',
      reason,
      action: 'Deliver',
      note,
    });
  }

  forget(entry: Entry): void {
    if (this.#filterProblems.has(entry)) this.filter(entry, undefined);
    for (const part of WRITTEN_PARTS) this.written(part, entry, undefined);
  }

  /** Something was counted; the figures follow within a second. */
  changed(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = this.#services.clock.after(COUNT_EVERY_MS, () => {
      this.#timer = undefined;
      this.count();
    });
  }

  count(): void {
    let tracked = 0;
    let watched = 0;
    let pending = 0;
    let failing = 0;
    let deadLettered = 0;
    for (const { record, retrying, gone } of this.#entries) {
      tracked += 1;
      if (!gone) watched += 1;
      if (record.exhausted) deadLettered += 1;
      else if (record.told) continue;
      else if (
        isOver(record) ||
        record.wish !== undefined ||
        (record.phase !== 'baseline' && isUnmet(record))
      )
        pending += 1;
      if (retrying || record.exhausted) failing += 1;
    }
    const { meter } = this.#services;
    const trigger = { trigger: this.#name };
    meter.set('statewire_watched_objects', trigger, watched);
    meter.set('statewire_tracked_objects', trigger, tracked);
    meter.set('statewire_pending', trigger, pending);
    meter.set('statewire_dead_letters', trigger, deadLettered);
    meter.set('statewire_in_flight', trigger, this.#inFlight());
    const { condition, soon } = this.#deletions();
    this.#update({
      objects: { watched, pending, failing, deadLettered },
      ...(condition !== undefined && { conditions: [condition] }),
    });
    if (soon) this.changed();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#syncing?.cancel();
  }

  #say(condition: ConditionChange): void {
    this.#update({ conditions: [condition] });
  }

  #update(change: StatusChange): void {
    if (!this.#stopped) this.#services.status.update(this.#identity(), change);
  }
}

function healthy(type: 'FilterHealthy' | 'TargetReachable'): ConditionChange {
  const reasons = {
    FilterHealthy: 'Evaluated',
    TargetReachable: 'Reachable',
  } as const;
  return { type, status: 'True', reason: reasons[type] };
}

/** `TARGET_NOT_FOUND` as a condition's reason: `TargetNotFound`. */
function pascal(code: string): string {
  return code
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
