/**
 * Deletes children that a result no longer names: of the kinds in `owns`, controlled by this object and applied by
 * this trigger. Each is looked at before it goes, and goes only as it was seen.
 */
import { ApiError } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { apiVersionOf, kindName, parseApiVersion, type Resource, resourcePath } from '../model/resource.ts';
import { type OwnedKind, TRIGGER_LABEL } from '../model/trigger.ts';
import type { ApplyProblem, ApplyReport, ApplyTask, ResourceResolver } from './apply-task.ts';
import { childKey } from './child-manifest.ts';
import { refusal } from './problems.ts';
import type { StatementMemory } from './statement-memory.ts';
import type { Tried, WriteLoop } from './write-loop.ts';

export interface PrunerOptions {
  readonly loop: WriteLoop;
  readonly resources: ResourceResolver;
  readonly memory: StatementMemory;
  /** Value of the label that names the trigger. */
  readonly label: string;
  readonly ownedKinds: () => readonly OwnedKind[];
}

interface Candidate {
  readonly key: string;
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
  /** As read; undefined: to be read. */
  readonly object?: KubeObject;
}

/** Objects per page of a list. */
const PAGE = 500;

export class Pruner {
  readonly #options: PrunerOptions;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  /** @param wanted keys of the children that stay */
  async prune(task: ApplyTask, wanted: ReadonlySet<string>): Promise<ApplyReport> {
    const { loop } = this.#options;
    const found = await loop.run(task, 'prune', () => this.#candidates(task, wanted));
    if (found.kind === 'stopped') return { complete: false, problems: [] };
    if (found.kind === 'refused') return { complete: true, problems: [refusal('prune', found.error)] };
    const problems: ApplyProblem[] = [];
    const { memory, ownedKinds } = this.#options;
    const left = new Map(memory.children(task.uid).known);
    const tries = await Promise.all(found.value.map((candidate) => this.#pruneOne(task, candidate)));
    for (const [index, tried] of tries.entries()) {
      const candidate = found.value[index];
      if (candidate === undefined || tried.kind === 'stopped') continue;
      if (tried.kind === 'refused') {
        problems.push(refusal(`prune ${candidate.resource.kind} "${candidate.name}"`, tried.error));
        continue;
      }
      left.delete(candidate.key);
    }
    const complete = tries.every(({ kind }) => kind !== 'stopped');
    const seen = complete && problems.length === 0 ? ownedKinds().map(kindName) : [];
    memory.setChildren(task.uid, { known: left, kinds: new Set(seen) });
    return { complete, problems };
  }

  async #candidates(task: ApplyTask, wanted: ReadonlySet<string>): Promise<Candidate[]> {
    const { memory, ownedKinds, resources } = this.#options;
    const { known, kinds } = memory.children(task.uid);
    const candidates = new Map<string, Candidate>();
    for (const { apiVersion, kind } of ownedKinds()) {
      const resource = await resources.resolve(apiVersion, kind);
      if (resource === undefined) continue;
      const name = kindName({ apiVersion, kind });
      const read = task.childrenRead?.get(name) ?? (kinds.has(name) ? [] : await this.#list(task, resource));
      for (const object of read) {
        const { name, namespace } = object.metadata;
        const key = childKey({ apiVersion, kind }, namespace, name);
        if (this.#isOurs(object, task.uid)) candidates.set(key, { key, resource, namespace, name, object });
      }
      for (const [key, child] of known) {
        const same = child.kind === kind && groupOf(child.apiVersion) === groupOf(apiVersion);
        if (!same || candidates.has(key)) continue;
        candidates.set(key, { key, resource, namespace: child.namespace, name: child.name });
      }
    }
    return [...candidates.values()].filter(({ key }) => !wanted.has(key));
  }

  async #list(task: ApplyTask, resource: Resource): Promise<KubeObject[]> {
    const path = resourcePath(resource, { namespace: task.namespace });
    const query = { labelSelector: `${TRIGGER_LABEL}=${this.#options.label}`, limit: String(PAGE) };
    const objects: KubeObject[] = [];
    let next: string | undefined;
    do {
      const { text } = await this.#options.loop.read(path, task.signal, {
        ...query,
        ...(next !== undefined && { continue: next }),
      });
      const page = JSON.parse(text) as {
        readonly items?: readonly KubeObject[];
        readonly metadata?: { readonly continue?: string };
      };
      objects.push(...(page.items ?? []));
      next = page.metadata?.continue === '' ? undefined : page.metadata?.continue;
    } while (next !== undefined);
    return objects;
  }

  /** `done` also where it was gone already, or is not ours any more. */
  #pruneOne(task: ApplyTask, candidate: Candidate): Promise<Tried<undefined>> {
    const { loop } = this.#options;
    const { resource, namespace, name } = candidate;
    const path = resourcePath(resource, { namespace, name });
    let { object } = candidate;
    return loop.run(task, 'prune', async () => {
      try {
        object ??= parseExact((await loop.read(path, task.signal)).text) as KubeObject;
        if (!this.#isOurs(object, task.uid) || object.metadata.deletionTimestamp !== undefined)
          return undefined;
        const { uid, resourceVersion } = object.metadata;
        await loop.write({ method: 'DELETE', path, body: deleteOptions(uid, resourceVersion) }, task.signal);
        loop.count('prune', 'written');
        const at = namespace === undefined ? {} : { namespace };
        const { kind } = resource;
        task.onPruned?.({ apiVersion: apiVersionOf(resource), kind, ...at, name, uid, resourceVersion });
        return undefined;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return undefined;
        // Whatever it was, the next try looks at it anew.
        object = undefined;
        throw error;
      }
    });
  }

  #isOurs({ metadata }: KubeObject, owner: string): boolean {
    return (
      metadata.labels?.[TRIGGER_LABEL] === this.#options.label &&
      metadata.ownerReferences?.some(({ controller, uid }) => controller === true && uid === owner) === true
    );
  }
}

function deleteOptions(uid: string, resourceVersion: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: { uid, resourceVersion },
  });
}

function groupOf(apiVersion: string): string {
  return parseApiVersion(apiVersion).group;
}
