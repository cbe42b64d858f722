/**
 * Watches on a ModelCluster: what a SourceRegistry tells, by an index of the real kind, with as much delay as a test
 * wants. Each subscription has a watch of its own.
 */
import type { Clock, Timer } from '../../forwarder/lib/clock.ts';
import type { Delta } from '../../forwarder/model/delta.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { headOf } from '../../forwarder/pipeline/entry.ts';
import type { Resource } from '../../forwarder/model/resource.ts';
import { ObjectIndex } from '../../forwarder/source/object-index.ts';
import type { SourceKey } from '../../forwarder/source/source-key.ts';
import type { SourceSubscriber, Subscription } from '../../forwarder/source/source-subscriber.ts';
import { type Change, CHILDREN_PATH, type ModelCluster, OBJECTS_PATH } from './model-cluster.ts';

export class ModelSources {
  /** How late a watch or a list tells what happened; `Infinity`: not before `flush`. */
  lagMs: () => number = () => 0;
  /** Sees every delta right before a subscriber does. */
  onDelta: (delta: Delta) => void = () => undefined;
  readonly #cluster: ModelCluster;
  readonly #clock: Clock;
  readonly #resources: readonly Resource[];
  readonly #feeds = new Set<Feed>();

  constructor(cluster: ModelCluster, clock: Clock, resources: readonly Resource[]) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#resources = resources;
  }

  /** Open subscriptions. */
  get size(): number {
    return this.#feeds.size;
  }

  subscribe(key: SourceKey, subscriber: SourceSubscriber): Subscription {
    const resource = this.#resources.find(({ kind }) => kind === key.kind);
    if (resource === undefined) throw new Error(`no kind ${key.kind}`);
    const told = {
      ...subscriber,
      delta: (delta: Delta): void => {
        this.onDelta(delta);
        subscriber.delta(delta);
      },
    };
    const feed = new Feed(this.#cluster, this.#clock, () => this.lagMs(), key, told, resource);
    this.#feeds.add(feed);
    return {
      relist: () => feed.join(),
      unsubscribe: () => {
        feed.close();
        this.#feeds.delete(feed);
      },
    };
  }

  /** Tells the oldest of what is on its way; false where there is nothing. */
  next(): boolean {
    return [...this.#feeds].filter((feed) => feed.next()).length > 0;
  }

  /** Tells at once what is on its way. */
  flush(): void {
    for (const feed of this.#feeds) feed.flush();
  }

  /** Every watch breaks and begins again with a list: what was on its way is lost. */
  cut(): void {
    for (const feed of this.#feeds) feed.list();
  }
}

type News =
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'list'; readonly objects: readonly KubeObject[]; readonly version: string };

class Feed {
  readonly #cluster: ModelCluster;
  readonly #clock: Clock;
  readonly #lagMs: () => number;
  readonly #collection: string;
  readonly #selector: string;
  readonly #subscriber: SourceSubscriber;
  readonly #index = new ObjectIndex();
  readonly #timers = new Set<Timer>();
  #news: News[] = [];
  /** Lists beside the watch that are on their way, each with what the watch deleted since it was made. */
  #joins: { readonly objects: readonly KubeObject[]; readonly deleted: Set<string> }[] = [];
  #lastAtMs = 0;
  #open = true;
  #started = false;
  readonly #listener = (change: Change): void => {
    if (this.#started && change.collection === this.#collection) this.#push({ kind: 'change', change });
  };

  constructor(
    cluster: ModelCluster,
    clock: Clock,
    lagMs: () => number,
    { labelSelector = '' }: SourceKey,
    subscriber: SourceSubscriber,
    resource: Resource,
  ) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#lagMs = lagMs;
    this.#collection = resource.kind === 'ConfigMap' ? CHILDREN_PATH : OBJECTS_PATH;
    this.#selector = labelSelector;
    this.#subscriber = subscriber;
    cluster.listeners.add(this.#listener);
    queueMicrotask(() => {
      if (!this.#open) return;
      subscriber.health({ state: 'Syncing', message: 'being listed' });
      subscriber.resolved(resource);
      this.list();
    });
  }

  /** Begins (again) with a list; a deletion that it finds is told without the object. */
  list(): void {
    if (!this.#open) return;
    this.#started = true;
    this.#news = [];
    this.#joins = [];
    this.#push({ kind: 'list', objects: this.#selected(), version: this.#cluster.version });
  }

  /** Lists beside the watch, once there is one. */
  join(): void {
    if (!this.#started || this.#news.some(({ kind }) => kind === 'list')) {
      this.list();
      return;
    }
    const join = { objects: this.#selected(), deleted: new Set<string>() };
    this.#joins.push(join);
    this.#later(this.#lagMs(), () => this.#endJoin(join));
  }

  next(): boolean {
    const [join] = this.#joins;
    if (this.#news.length > 0) this.#tellNext();
    else if (join !== undefined) this.#endJoin(join);
    else return false;
    return true;
  }

  flush(): void {
    while (this.#news.length > 0) this.#tellNext();
    for (const join of this.#joins.slice()) this.#endJoin(join);
  }

  close(): void {
    this.#open = false;
    this.#cluster.listeners.delete(this.#listener);
    for (const timer of this.#timers) timer.cancel();
  }

  #selected(): KubeObject[] {
    return this.#cluster.list(this.#collection).filter((object) => this.#selects(object));
  }

  #selects(object: KubeObject | undefined): boolean {
    if (object === undefined) return false;
    const [label = '', value = ''] = this.#selector.split('=');
    return label === '' || object.metadata.labels?.[label] === value;
  }

  #push(news: News): void {
    this.#news.push(news);
    const nowMs = this.#clock.monotonic();
    const atMs = Math.max(this.#lastAtMs, nowMs + this.#lagMs());
    if (Number.isFinite(atMs)) this.#lastAtMs = atMs;
    this.#later(atMs - nowMs, () => {
      // A watch that was cut has less to tell.
      if (this.#news.includes(news)) this.#tellUpTo(news);
    });
  }

  #later(delayMs: number, action: () => void): void {
    if (!Number.isFinite(delayMs)) return;
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }

  #tellUpTo(news: News): void {
    while (this.#news.includes(news)) this.#tellNext();
  }

  #tellNext(): void {
    const news = this.#news.shift();
    if (news?.kind === 'list') this.#tellList(news.objects, news.version);
    else if (news !== undefined) this.#tellChange(news.change);
  }

  #tellList(objects: readonly KubeObject[], version: string): void {
    this.#index.beginList();
    for (const object of objects)
      this.#tellAll(this.#index.put('Listed', headOf(object), JSON.stringify(object)));
    this.#tellAll(this.#index.endList(version));
    this.#subscriber.synced();
    this.#subscriber.health({ state: 'Synced', message: 'listed' });
  }

  #tellChange({ before, after, resourceVersion }: Change): void {
    const [was, is] = [this.#selects(before), this.#selects(after)];
    if (is && after !== undefined) {
      const raw = JSON.stringify(after);
      this.#tellAll(this.#index.put(was ? 'Modified' : 'Added', headOf(after), raw));
    } else if (was && before !== undefined) {
      const last = after ?? before;
      const object = { ...last, metadata: { ...last.metadata, resourceVersion } };
      for (const { deleted } of this.#joins) deleted.add(object.metadata.uid);
      this.#tellAll(this.#index.delete(headOf(object), JSON.stringify(object)));
    }
  }

  #endJoin(join: { readonly objects: readonly KubeObject[]; readonly deleted: Set<string> }): void {
    if (!this.#joins.includes(join)) return;
    this.#joins = this.#joins.filter((other) => other !== join);
    for (const object of join.objects) {
      const head = headOf(object);
      if (join.deleted.has(head.uid) || this.#index.holderOf(head) !== undefined) continue;
      this.#tellAll(this.#index.put('Listed', head, JSON.stringify(object)));
    }
    this.#subscriber.synced();
  }

  #tellAll(deltas: Iterable<Delta>): void {
    for (const delta of deltas) this.#subscriber.delta(delta);
  }
}
