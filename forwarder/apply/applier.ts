/**
 * Carries out the results of one trigger's function: status and conditions, children, Events.
 *
 * The parts are independent: one that is refused or has to wait holds up none of the others. Nothing here ever leads
 * to another call of the function.
 */
import { apiVersionOf } from '../model/resource.ts';
import { type OwnedKind, type TriggerIdentity, triggerLabelValue, triggerName } from '../model/trigger.ts';
import type { ApplyProblem, ApplyReport, ApplyTask, ResourceResolver, SchemaSource } from './apply-task.ts';
import { ChildrenWriter } from './children-writer.ts';
import type { EventSink } from './event-recorder.ts';
import { StatementMemory } from './statement-memory.ts';
import { StatusWriter } from './status-writer.ts';
import { WriteLoop, type WriteLoopOptions } from './write-loop.ts';

export interface ApplierOptions extends Omit<WriteLoopOptions, 'trigger'> {
  readonly trigger: TriggerIdentity;
  readonly fieldManager: string;
  readonly schemas: SchemaSource;
  readonly resources: ResourceResolver;
  readonly recorder: EventSink;
  /** `spec.watch.owns`, as it is now: the kinds that are pruned. */
  readonly ownedKinds: () => readonly OwnedKind[];
}

/** Different problems named in Events; a function that invents new field names each time is not followed further. */
const MAX_NAMED = 100;

export class Applier {
  readonly #options: ApplierOptions;
  readonly #trigger: string;
  readonly #memory: StatementMemory;
  readonly #status: StatusWriter;
  readonly #children: ChildrenWriter;
  /** Problems of statements already named in an Event. */
  readonly #named = new Set<string>();

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#trigger = triggerName(options.trigger);
    this.#memory = new StatementMemory();
    const loop = new WriteLoop({ ...options, trigger: this.#trigger });
    const shared = { loop, fieldManager: options.fieldManager, memory: this.#memory };
    this.#status = new StatusWriter({ ...shared, schemas: options.schemas, now: () => options.clock.now() });
    this.#children = new ChildrenWriter({
      ...shared,
      resources: options.resources,
      label: triggerLabelValue(options.trigger),
      ownedKinds: options.ownedKinds,
    });
  }

  /** Never rejects for what the API server answers; when the signal ends it, the report is incomplete. */
  async apply(task: ApplyTask): Promise<ApplyReport> {
    this.#recordEvents(task);
    const { status, conditions, apply, error } = task.result;
    const [stated, children] = await Promise.all([
      status === undefined && conditions === undefined ? undefined : this.#status.write(task),
      apply === undefined || error !== undefined ? undefined : this.#children.write(task, apply),
    ]);
    const problems = [...(stated?.problems ?? []), ...(children?.problems ?? [])];
    for (const problem of problems) this.#name(task, problem);
    return {
      complete: (stated?.complete ?? true) && (children?.complete ?? true),
      problems,
    };
  }

  /** To be called when the object is gone for good. */
  forget(uid: string): void {
    this.#memory.forget(uid);
  }

  #recordEvents(task: ApplyTask): void {
    for (const { type, reason, message } of task.result.events ?? []) {
      this.#record(task, type, reason, 'Reconcile', message);
    }
    for (const warning of task.warnings)
      this.#record(task, 'Warning', 'UnknownResultField', 'ReadResult', warning);
  }

  /** Problems that lie in the function's statements are the same for every object: each is named once. */
  #name(task: ApplyTask, problem: ApplyProblem): void {
    if (problem.reason === 'FieldNotDeclared') {
      if (this.#named.has(problem.message) || this.#named.size >= MAX_NAMED) return;
      this.#named.add(problem.message);
    }
    this.#record(task, 'Warning', problem.reason, 'ApplyResult', problem.message);
  }

  #record(task: ApplyTask, type: 'Normal' | 'Warning', reason: string, action: string, note: string): void {
    const { resource, namespace, name, uid } = task;
    this.#options.recorder.record({
      trigger: this.#trigger,
      regarding: {
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        name,
        uid,
        ...(namespace !== undefined && { namespace }),
      },
      type,
      reason,
      action,
      note,
    });
  }
}
