/** Applies the children of a result in their order, and prunes those that it no longer names. */
import type { Manifest } from '../../protocol/result.ts';
import { foreignText } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { ownedBy } from '../lib/fields-v1.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { kindName } from '../model/resource.ts';
import { alreadyApplied } from './already-applied.ts';
import { applyRequest } from './apply-body.ts';
import type { AppliedChild, ApplyProblem, ApplyTask } from './apply-task.ts';
import { BadManifest, buildChild, type Child, childKey, childName } from './child-manifest.ts';
import { Pruner, type PrunerOptions } from './pruner.ts';
import { refusal } from './problems.ts';
import type { RememberedChild } from './statement-memory.ts';
import type { RetryTask, Tried } from './write-loop.ts';

export interface ChildrenWriterOptions extends PrunerOptions {
  readonly fieldManager: string;
}

export interface ChildrenReport {
  readonly complete: boolean;
  readonly problems: readonly ApplyProblem[];
  readonly applied: readonly AppliedChild[];
  readonly pruned: readonly AppliedChild[];
}

type Applied = { readonly key: string; readonly child: RememberedChild };

export class ChildrenWriter {
  readonly #options: ChildrenWriterOptions;
  readonly #pruner: Pruner;

  constructor(options: ChildrenWriterOptions) {
    this.#options = options;
    this.#pruner = new Pruner(options);
  }

  /** Never throws ApiError. */
  async write(task: ApplyTask, manifests: readonly Manifest[]): Promise<ChildrenReport> {
    const problems: ApplyProblem[] = [];
    const applied = new Map<string, RememberedChild>();
    const tries = await this.#applyInOrder(task, manifests, problems);
    for (const tried of tries) if (tried?.kind === 'done') applied.set(tried.value.key, tried.value.child);
    const { known, kinds } = this.#options.memory.children(task.uid);
    this.#options.memory.setChildren(task.uid, { known: new Map([...known, ...applied]), kinds });
    const stopped = tries.some((tried) => tried?.kind === 'stopped');
    const children = [...applied.values()].map(({ hash: _hash, ...child }) => child);
    if (stopped || problems.length > 0)
      return { complete: !stopped, problems, applied: children, pruned: [] };
    const pruned = await this.#pruner.prune(task, new Set(applied.keys()));
    return { ...pruned, applied: children };
  }

  /** The next one begins when the first try of the one before is over: a namespace precedes what goes into it. */
  async #applyInOrder(
    task: ApplyTask,
    manifests: readonly Manifest[],
    problems: ApplyProblem[],
  ): Promise<(Tried<Applied> | undefined)[]> {
    const running: Promise<Tried<Applied> | undefined>[] = [];
    const named = new Set<string>();
    for (const manifest of manifests) {
      const key = childKey(manifest, manifest.metadata.namespace ?? task.namespace, manifest.metadata.name);
      if (named.has(key)) {
        this.#options.loop.count('child', 'refused');
        problems.push({ reason: 'Invalid', message: `${childName(manifest)}: the result names it twice` });
        continue;
      }
      named.add(key);
      const tried = Promise.withResolvers<void>();
      running.push(this.#applyOne(task, manifest, problems, tried.resolve).finally(tried.resolve));
      await tried.promise;
    }
    return Promise.all(running);
  }

  /** undefined where it was refused; the problem is then noted. */
  async #applyOne(
    task: ApplyTask,
    manifest: Manifest,
    problems: ApplyProblem[],
    onTried: () => void,
  ): Promise<Tried<Applied> | undefined> {
    const { loop } = this.#options;
    const retryTask: RetryTask = {
      uid: task.uid,
      signal: task.signal,
      isCurrent: () => task.isCurrent(),
      onRetrying: (problem) => {
        onTried();
        task.onRetrying?.(problem);
      },
    };
    try {
      const tried = await loop.run(retryTask, 'child', () => this.#attempt(task, manifest));
      if (tried.kind !== 'refused') return tried;
      problems.push(refusal(childName(manifest), tried.error));
    } catch (error) {
      if (!(error instanceof BadManifest)) throw error;
      loop.count('child', 'refused');
      problems.push({ reason: 'Invalid', message: foreignText(`${childName(manifest)}: ${error.message}`) });
    }
    return undefined;
  }

  async #attempt(task: ApplyTask, manifest: Manifest): Promise<Applied> {
    const { loop, fieldManager, label, memory, resources } = this.#options;
    const resource = await resources.resolve(manifest.apiVersion, manifest.kind);
    const child = buildChild(manifest, resource, task, label);
    const key = childKey(manifest, child.namespace, manifest.metadata.name);
    const read = childRead(task, manifest, child);
    const last = memory.children(task.uid).known.get(key);
    if (read !== undefined && this.#isApplied(child, read, last)) {
      loop.count('child', 'unchanged');
      return { key, child: remember(manifest, child, read) };
    }
    const { text } = await loop.write(applyRequest(child.path, fieldManager, child.body), task.signal);
    loop.count('child', 'written');
    return { key, child: remember(manifest, child, parseExact(text) as KubeObject) };
  }

  /** Applied just so before and untouched since; or what managedFields says is ours is all of it and has these values. */
  #isApplied(child: Child, read: KubeObject, last: RememberedChild | undefined): boolean {
    if (last?.hash === child.hash && last.resourceVersion === read.metadata.resourceVersion) return true;
    const own = ownedBy(
      read.metadata.managedFields,
      ({ manager, operation, subresource }) =>
        manager === this.#options.fieldManager && operation === 'Apply' && (subresource ?? '') === '',
    );
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...fields } = child.object;
    const { name: _name, namespace: _namespace, ...meta } = metadata as Readonly<Record<string, unknown>>;
    return alreadyApplied({ ...fields, metadata: meta }, read, own);
  }
}

function childRead(task: ApplyTask, manifest: Manifest, child: Child): KubeObject | undefined {
  return task.childrenRead
    ?.get(kindName(manifest))
    ?.find(
      ({ metadata }) => metadata.name === manifest.metadata.name && metadata.namespace === child.namespace,
    );
}

function remember(manifest: Manifest, child: Child, live: KubeObject): RememberedChild {
  return {
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    name: manifest.metadata.name,
    ...(child.namespace !== undefined && { namespace: child.namespace }),
    uid: live.metadata.uid,
    resourceVersion: live.metadata.resourceVersion,
    hash: child.hash,
  };
}
