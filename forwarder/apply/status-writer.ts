/**
 * Writes what a trigger states about an object: one server-side apply to `/status`, guarded by the resourceVersion of
 * the newest state known. The uid is compared here, because the API server does not: an apply to `/status` lands on
 * whatever object has the name now, whichever uid the body names.
 */
import { ApiError } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { KindSchema } from '../model/kind-schema.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { apiVersionOf, kindName, resourcePath } from '../model/resource.ts';
import { applyRequest, yamlSafeJson } from './apply-body.ts';
import type { ApplyProblem, ApplyReport, ApplyTask, SchemaSource } from './apply-task.ts';
import { pathsProblem, refusal } from './problems.ts';
import { planStatus, type StatusPlan } from './status-plan.ts';
import type { StatementMemory } from './statement-memory.ts';
import type { WriteLoop } from './write-loop.ts';

export interface StatusWriterOptions {
  readonly loop: WriteLoop;
  readonly schemas: SchemaSource;
  readonly fieldManager: string;
  readonly memory: StatementMemory;
  readonly now: () => number;
}

/** What one try came to; `gone`: the object is no more, or is another one. */
type Try =
  | { readonly kind: 'gone' }
  | { readonly kind: 'older' }
  | { readonly kind: 'unchanged' | 'written'; readonly plan: StatusPlan };

const UNTYPED = /failed to create typed patch object|field not declared in schema/;

export class StatusWriter {
  readonly #options: StatusWriterOptions;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Never throws ApiError. */
  async write(task: ApplyTask): Promise<ApplyReport> {
    const { loop, memory } = this.#options;
    const statement = new Statement(task, this.#options);
    const tried = await loop.run(task, 'status', () => statement.attempt());
    if (tried.kind === 'stopped') return { complete: false, problems: [] };
    if (tried.kind === 'refused') {
      return { complete: true, problems: [...statement.problems(), refusal('status', tried.error)] };
    }
    const { value } = tried;
    if (value.kind === 'gone' || value.kind === 'older') {
      return { complete: value.kind === 'older', problems: [] };
    }
    memory.stated(task.uid, task.deliveredGeneration, value.plan.statedTypes);
    loop.count('status', value.kind);
    return { complete: true, problems: statement.problems() };
  }
}

/** One statement over all its tries. */
class Statement {
  readonly #task: ApplyTask;
  readonly #options: StatusWriterOptions;
  readonly #path: string;
  /** Set by a conflict: what the pipeline knows is not the newest. */
  #readFirst = false;
  #subresource: boolean;
  #schemaIsFresh = false;
  #plan: StatusPlan | undefined;

  constructor(task: ApplyTask, options: StatusWriterOptions) {
    this.#task = task;
    this.#options = options;
    this.#path = resourcePath(task.resource, task);
    this.#subresource = task.resource.statusSubresource;
  }

  async attempt(): Promise<Try> {
    if (this.#options.memory.isOlder(this.#task.uid, this.#task.deliveredGeneration))
      return { kind: 'older' };
    const object = (this.#readFirst ? undefined : this.#task.newest()) ?? (await this.#read());
    if (object?.metadata.uid !== this.#task.uid) return { kind: 'gone' };
    const schema = await this.#options.schemas.schemaOf(this.#task.resource);
    return this.#apply(object, schema);
  }

  async #apply(object: KubeObject, schema: KindSchema | undefined): Promise<Try> {
    const plan = this.#planFor(object, schema);
    if (plan.action === 'older') return { kind: 'older' };
    if (plan.action === 'unchanged') return { kind: 'unchanged', plan };
    try {
      const { text } = await this.#send(object, plan);
      this.#task.onStatus?.(parseExact(text) as KubeObject, text);
      return { kind: 'written', plan };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#recover(error, object, plan);
    }
  }

  /** Answers that another body or path can still turn into a success; all others are thrown on. */
  async #recover(error: ApiError, object: KubeObject, plan: StatusPlan): Promise<Try> {
    this.#readFirst = error.code === 'API_CONFLICT';
    if (error.status === 404 && this.#subresource) {
      // Either the object is gone or its kind has no status subresource; only reading the object can tell.
      const current = await this.#read();
      if (current?.metadata.uid !== this.#task.uid) return { kind: 'gone' };
      this.#subresource = false;
      return this.#apply(current, await this.#options.schemas.schemaOf(this.#task.resource));
    }
    if (error.status !== 500 || !UNTYPED.test(error.message)) throw error;
    // A 500 that no retry can heal: the body does not fit the schema. Ours may be out of date; once it is not, it is the function's.
    const invalid = new ApiError('API_INVALID', error.message, { status: 422, cause: error });
    if (this.#schemaIsFresh) throw invalid;
    this.#schemaIsFresh = true;
    const fresh = await this.#options.schemas.schemaOf(this.#task.resource, { fresh: true });
    const again = this.#planFor(object, fresh);
    if (
      again.action === plan.action &&
      yamlSafeJson(again.status ?? null) === yamlSafeJson(plan.status ?? null)
    )
      throw invalid;
    return this.#apply(object, fresh);
  }

  #planFor(object: KubeObject, schema: KindSchema | undefined): StatusPlan {
    const { deliveredGeneration, result, uid } = this.#task;
    this.#plan = planStatus({
      object,
      schema,
      manager: this.#options.fieldManager,
      status: result.status,
      conditions: result.conditions as readonly Readonly<Record<string, unknown>>[] | undefined,
      deliveredGeneration,
      statedTypes: this.#options.memory.statedTypes(uid),
      nowMs: this.#options.now(),
    });
    return this.#plan;
  }

  #send(object: KubeObject, plan: StatusPlan): Promise<{ readonly text: string }> {
    const { name, namespace, resourceVersion, uid } = object.metadata;
    const body = yamlSafeJson({
      apiVersion: apiVersionOf(this.#task.resource),
      kind: this.#task.resource.kind,
      // The main resource would be created anew where it is gone; there, unlike on `/status`, the uid prevents that.
      metadata: { name, namespace, resourceVersion, ...(!this.#subresource && { uid }) },
      status: plan.status,
    });
    const path = this.#subresource ? `${this.#path}/status` : this.#path;
    return this.#options.loop.write(applyRequest(path, this.#options.fieldManager, body), this.#task.signal);
  }

  /** The object as it is now; undefined where it is gone. */
  async #read(): Promise<KubeObject | undefined> {
    try {
      const { text } = await this.#options.loop.read(this.#path, this.#task.signal);
      const object = parseExact(text) as KubeObject;
      if (object.metadata.uid === this.#task.uid) this.#task.observe(object, text);
      return object;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** What had to be left out of the last plan. */
  problems(): ApplyProblem[] {
    const kind = kindName({ apiVersion: apiVersionOf(this.#task.resource), kind: this.#task.resource.kind });
    const { undeclared = [], contested = [] } = this.#plan ?? {};
    return [
      ...(undeclared.length > 0
        ? [pathsProblem('FieldNotDeclared', `the schema of ${kind} does not declare`, undeclared)]
        : []),
      ...(contested.length > 0
        ? [pathsProblem('FieldConflict', 'left to another trigger, which owns', contested)]
        : []),
    ];
  }
}
