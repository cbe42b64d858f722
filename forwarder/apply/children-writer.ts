/** Applies the children of a result in their order, and prunes those that it no longer names. */
import type { Manifest } from '../../protocol/result.ts';
import { foreignText } from '../lib/errors.ts';
import type { ApplyProblem, ApplyReport, ApplyTask } from './apply-task.ts';
import { childKey, childName, ChildRefused } from './child-manifest.ts';
import { type AppliedManifest, ChildWrite } from './child-write.ts';
import { Pruner, type PrunerOptions } from './pruner.ts';
import { refusal } from './problems.ts';
import type { RememberedChild } from './statement-memory.ts';
import type { RetryTask, Tried } from './write-loop.ts';

export interface ChildrenWriterOptions extends PrunerOptions {
  readonly fieldManager: string;
}

export class ChildrenWriter {
  readonly #options: ChildrenWriterOptions;
  readonly #pruner: Pruner;
  readonly #creating = new Map<string, string>();

  constructor(options: ChildrenWriterOptions) {
    this.#options = options;
    this.#pruner = new Pruner(options);
  }

  /** Never throws ApiError. */
  async write(task: ApplyTask, manifests: readonly Manifest[]): Promise<ApplyReport> {
    const problems: ApplyProblem[] = [];
    const applied = new Map<string, RememberedChild>();
    const tries = await this.#applyInOrder(task, manifests, problems);
    for (const tried of tries) if (tried?.kind === 'done') applied.set(tried.value.key, tried.value.child);
    const { known, kinds } = this.#options.memory.children(task.uid);
    this.#options.memory.setChildren(task.uid, { known: new Map([...known, ...applied]), kinds });
    const stopped = tries.some((tried) => tried?.kind === 'stopped');
    if (stopped || problems.length > 0) return { complete: !stopped, problems };
    return this.#pruner.prune(task, new Set(applied.keys()));
  }

  /** The next one begins when the first try of the one before is over: a namespace precedes what goes into it. */
  async #applyInOrder(
    task: ApplyTask,
    manifests: readonly Manifest[],
    problems: ApplyProblem[],
  ): Promise<(Tried<AppliedManifest> | undefined)[]> {
    const running: Promise<Tried<AppliedManifest> | undefined>[] = [];
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
  ): Promise<Tried<AppliedManifest> | undefined> {
    const { loop } = this.#options;
    const retryTask: RetryTask = {
      uid: task.uid,
      signal: task.signal,
      isCurrent: () => task.isCurrent(),
      onTry: () => task.onTry?.(),
      onTried: () => task.onTried?.(),
      onRetrying: (problem) => {
        onTried();
        task.onRetrying?.(problem);
      },
    };
    const write = new ChildWrite(task, manifest, this.#options, this.#creating);
    try {
      const tried = await loop.run(retryTask, 'child', () => write.attempt());
      if (tried.kind !== 'refused') return tried;
      problems.push(refusal(childName(manifest), tried.error));
    } catch (error) {
      if (!(error instanceof ChildRefused)) throw error;
      loop.count('child', 'refused');
      problems.push({
        reason: error.reason,
        message: foreignText(`${childName(manifest)}: ${error.message}`),
      });
    }
    return undefined;
  }
}
