/**
 * The dead letters of a process: writes those that its triggers ask for, and watches what becomes of them, for replays
 * are asked for there and people delete letters. A letter is an object of the API; nothing here ever calls a function.
 *
 * Where the kind is not installed or not allowed, letters live in memory and are written once that is mended.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { Random } from '../lib/random.ts';
import type { Slots } from '../lib/slots.ts';
import type { Delta } from '../model/delta.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { type TriggerIdentity, triggerName } from '../model/trigger.ts';
import {
  DEAD_LETTER_API_VERSION,
  DEAD_LETTER_KIND,
  deadLetterName,
  type LetterFailure,
  type LetterSubject,
  readLetter,
} from './dead-letter.ts';
import { Letter, type LetterPorts } from './letter.ts';
import { LetterApi } from './letter-api.ts';
import type { LetterProblem } from './letter-problem.ts';
import { type LetterListener, TriggerLetters } from './trigger-letters.ts';

/** What the letters are watched with: a SourceRegistry. */
export interface LetterSources {
  subscribe(
    key: {
      readonly apiVersion: string;
      readonly kind: string;
      readonly namespace?: string | undefined;
      readonly identity: string;
    },
    subscriber: {
      resolved(): void;
      delta(delta: Delta): void;
      synced(): void;
      health(health: { readonly state: string; readonly message: string }): void;
    },
  ): { unsubscribe(): void };
}

export interface DeadLettersOptions {
  readonly client: KubeClient;
  readonly sources: LetterSources;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Shared with the writes of results. */
  readonly writeSlots: Slots;
  /** Whose credentials watch. */
  readonly identity: string;
  /** Whether triggers are objects of the API; those of a file cannot own letters. */
  readonly ownable: boolean;
  /** One watch over all namespaces, rather than one for each that has triggers. */
  readonly allNamespaces: boolean;
}

/** What one watch covers. */
interface Scope {
  readonly namespace: string | undefined;
  readonly views: Set<TriggerLetters>;
  subscription: { unsubscribe(): void } | undefined;
  isListed: boolean;
}

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #ports: LetterPorts;
  readonly #stop = new AbortController();
  /** By `namespace/name`. */
  readonly #letters = new Map<string, Letter>();
  readonly #scopes = new Map<string, Scope>();
  /** What was warned of: once is enough. */
  readonly #warned = new Set<string>();

  constructor(options: DeadLettersOptions) {
    const { client, clock, random, writeSlots } = options;
    const { signal } = this.#stop;
    this.#options = options;
    this.#ports = { api: new LetterApi(client, signal), clock, random, writeSlots, signal };
  }

  /** The letters of a trigger whose pipeline begins. Those that exist are told soon, and then `listed`. */
  open(trigger: TriggerIdentity, listener: LetterListener): TriggerLetters {
    const scope = this.#scopeOf(trigger);
    const letters: TriggerLetters = new TriggerLetters(trigger, listener, {
      write: (subject, failure) => this.#write(trigger, subject, failure),
      close: () => this.#leave(scope, letters),
    });
    scope.views.add(letters);
    if (scope.subscription === undefined) this.#watch(scope);
    else if (scope.isListed) this.#options.clock.soon(() => this.#introduce(scope, letters));
    return letters;
  }

  /** The trigger is gone, and its letters go. To be called while they are open. */
  remove(trigger: TriggerIdentity): void {
    for (const letter of this.#letters.values()) {
      if (isOf(trigger, letter)) letter.remove();
    }
  }

  /**
   * Ends the watch and what waits; resolves when letters that are being written have been, for as long as the deadline
   * allows.
   *
   * @param withinMs @defaultValue 2,000
   */
  async stop(withinMs = 2000): Promise<void> {
    for (const { subscription } of this.#scopes.values()) subscription?.unsubscribe();
    const writing = [...this.#letters.values()].flatMap((letter) => letter.writing ?? []);
    const over = Promise.withResolvers<void>();
    let timer: Timer | undefined;
    if (writing.length > 0) timer = this.#options.clock.after(withinMs, over.resolve);
    await Promise.race([Promise.all(writing), over.promise]);
    timer?.cancel();
    this.#stop.abort(new Error('stopped'));
    await Promise.all(writing);
  }

  // ── the watch ─────────────────────────────────────────────────────────────────────────────────────────────────

  #scopeOf({ namespace }: TriggerIdentity): Scope {
    const within = this.#options.allNamespaces ? undefined : namespace;
    const key = within ?? '*';
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = { namespace: within, views: new Set(), subscription: undefined, isListed: false };
      this.#scopes.set(key, scope);
    }
    return scope;
  }

  #watch(scope: Scope): void {
    const { sources, identity } = this.#options;
    const { namespace } = scope;
    scope.subscription = sources.subscribe(
      { apiVersion: DEAD_LETTER_API_VERSION, kind: DEAD_LETTER_KIND, namespace, identity },
      {
        resolved: () => undefined,
        delta: (delta) => this.#delta(delta),
        synced: () => {
          scope.isListed = true;
          for (const letter of this.#letters.values()) letter.retry();
          for (const view of scope.views) view.listed();
        },
        health: ({ state, message }) => {
          if (state === 'ResourceNotFound' || state === 'Forbidden') this.#warn(state, message);
        },
      },
    );
  }

  #leave(scope: Scope, letters: TriggerLetters): void {
    scope.views.delete(letters);
    if (scope.views.size > 0 || scope.subscription === undefined) return;
    scope.subscription.unsubscribe();
    scope.subscription = undefined;
    scope.isListed = false;
    // Nobody tells any more what becomes of them.
    for (const [id, letter] of this.#letters) {
      const isCovered = scope.namespace === undefined || scope.namespace === letter.namespace;
      if (isCovered && letter.writing === undefined) this.#letters.delete(id);
    }
  }

  #delta(delta: Delta): void {
    const { namespace = '', name, uid } = delta.head;
    const known = this.#letters.get(`${namespace}/${name}`);
    if (delta.type === 'Deleted') {
      known?.vanish(uid);
      return;
    }
    const sight = readLetter(parseExact(delta.raw) as KubeObject);
    if (sight === undefined || sight.owned !== this.#options.ownable) return;
    const letter = known ?? this.#add({ namespace, name, objectUid: sight.objectUid });
    letter.show(sight);
    this.#find(letter);
  }

  /** Whose letter it is. One of an earlier trigger of the same name is nobody's, and goes. */
  #find(letter: Letter): void {
    if (letter.isGoing) return;
    const view = this.#viewOf(letter);
    if (view !== undefined) view.adopt(letter);
    else if (this.#views().some(({ trigger }) => triggerName(trigger) === letter.sight?.trigger))
      letter.remove();
  }

  /** A pipeline came after the list: tells it what is known. */
  #introduce(scope: Scope, view: TriggerLetters): void {
    if (!scope.views.has(view)) return;
    for (const letter of this.#letters.values()) {
      if (letter.sight?.trigger === triggerName(view.trigger)) this.#find(letter);
    }
    view.listed();
  }

  #views(): TriggerLetters[] {
    return [...this.#scopes.values()].flatMap(({ views }) => [...views]);
  }

  #viewOf(letter: Letter): TriggerLetters | undefined {
    return this.#views().find(({ trigger }) => isOf(trigger, letter));
  }

  // ── letters ───────────────────────────────────────────────────────────────────────────────────────────────────

  #write(trigger: TriggerIdentity, subject: LetterSubject, failure: LetterFailure): Letter {
    const { ownable } = this.#options;
    const name = deadLetterName(trigger, subject.uid);
    const namespace = subject.namespace ?? trigger.namespace;
    const letter =
      this.#letters.get(`${namespace}/${name}`) ?? this.#add({ namespace, name, objectUid: subject.uid });
    letter.write({ name, namespace, subject, trigger, ownable, failure });
    return letter;
  }

  #add(id: { readonly namespace: string; readonly name: string; readonly objectUid: string }): Letter {
    const key = `${id.namespace}/${id.name}`;
    const letter: Letter = new Letter(id, this.#ports, {
      replay: (value) => this.#viewOf(letter)?.replay(value, letter),
      problem: (problem) => {
        if (problem !== undefined) this.#warnOf(problem);
        // Who keeps triggers in a file need not install anything, and is no worse for it.
        const isExpected = problem?.reason === 'DeadLettersNotInstalled' && !this.#options.ownable;
        if (!isExpected) this.#viewOf(letter)?.refused(problem);
      },
      ended: () => {
        if (this.#letters.get(key) === letter) this.#letters.delete(key);
        this.#viewOf(letter)?.drop(letter);
      },
    });
    this.#letters.set(key, letter);
    return letter;
  }

  #warnOf({ reason, message }: LetterProblem): void {
    const states: Partial<Record<LetterProblem['reason'], string>> = {
      DeadLettersNotInstalled: 'ResourceNotFound',
    };
    this.#warn(states[reason] ?? reason, message);
  }

  #warn(reason: string, error: string): void {
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#options.logger.warn('dead letters are kept in memory only', { reason, error });
  }
}

function isOf(trigger: TriggerIdentity, { name, objectUid }: Letter): boolean {
  return name === deadLetterName(trigger, objectUid);
}
