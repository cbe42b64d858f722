/**
 * What happened to real processes, as a history for the checker: the writes of a churn, the calls that a function got,
 * and when forwarders began and ended. Facts are put in order afterwards, because a call may arrive before the answer to
 * the write that caused it.
 */
import { canonicalJson } from '../../forwarder/filter/canonical-json.ts';
import type { Churn, ChurnedObject, Life } from './churn.ts';
import type { Call, FunctionHost } from './function-host.ts';
import type { Fact, TriggerFact } from './history/fact.ts';

export interface Incarnation {
  readonly number: number;
  readonly startedMs: number;
  /** Infinity while it runs. */
  endedMs: number;
  how: 'crash' | 'stop' | undefined;
}

export interface RecordedRunOptions {
  readonly churn: Churn;
  readonly host: FunctionHost;
  readonly trigger: Omit<TriggerFact, 'fact' | 'atMs'>;
  readonly namespace: string;
  /** What of an object the trigger counts. @defaultValue its spec */
  readonly counts?: (object: ChurnedObject) => unknown;
}

export class RecordedRun {
  readonly incarnations: Incarnation[] = [];
  readonly #options: RecordedRunOptions;
  readonly #marks: Fact[] = [];

  constructor(options: RecordedRunOptions) {
    this.#options = options;
    this.#marks.push({ ...options.trigger, fact: 'trigger', atMs: performance.now() });
  }

  /** A forwarder is about to be started. */
  started(): void {
    const number = this.incarnations.length + 1;
    this.incarnations.push({ number, startedMs: performance.now(), endedMs: Infinity, how: undefined });
  }

  /** The newest forwarder has ended; to be said before it is killed. */
  ended(how: 'crash' | 'stop'): void {
    const last = this.incarnations.at(-1);
    if (last !== undefined) Object.assign(last, { endedMs: performance.now(), how });
  }

  fault(name: string, on: boolean): void {
    this.#marks.push({ fact: 'fault', atMs: performance.now(), name, on });
  }

  /** Names of lives whose last state, or whose end, no function has handled. */
  unhandled(): string[] {
    const calls = Map.groupBy(this.#options.host.calls, uidOf);
    return this.#options.churn.lives
      .values()
      .filter((life) => !this.#isHandled(life, calls.get(life.uid) ?? []))
      .map(({ name, uid }) => `${name} ${uid}`)
      .toArray();
  }

  #isHandled({ states, over }: Life, calls: readonly Call[]): boolean {
    const last = calls.findLast((call) => call.endedMs > 0);
    if (over) return last?.type === 'deleted' || this.#mayBeForgotten(calls);
    const state = states.at(-1);
    return (
      last !== undefined &&
      last.type !== 'deleted' &&
      state !== undefined &&
      this.#digest(last.data.object) === this.#digest(state.object)
    );
  }

  /** Sent only so shortly before a crash that nobody may have noted it; true where nothing was sent at all. */
  #mayBeForgotten(calls: readonly Call[]): boolean {
    const { flushMs = 1000 } = this.#options.trigger;
    return calls.every(({ startedMs }) => {
      const { endedMs, how } = this.#incarnationAt(startedMs);
      return how === 'crash' && startedMs >= endedMs - flushMs;
    });
  }

  /** The whole history, in order. */
  facts(): Fact[] {
    const { churn, host } = this.#options;
    const facts = [
      ...this.#marks,
      ...this.incarnations.flatMap((incarnation) => this.#processFacts(incarnation)),
      ...churn.lives.values().flatMap((life) => this.#lifeFacts(life)),
      ...host.calls.flatMap((call, index) => this.#callFacts(call, index + 1)),
    ];
    const sorted = facts.toSorted((a, b) => a.atMs - b.atMs || RANK[a.fact] - RANK[b.fact]);
    return [...sorted, { fact: 'quiet', atMs: performance.now() }];
  }

  /** What happened to one object, and to the processes meanwhile, a line each. */
  storyOf(uid: string): string {
    const told = this.facts().filter((fact) => !('uid' in fact) || fact.uid === uid);
    const calls = new Set(told.flatMap((fact) => (fact.fact === 'call' ? fact.call : [])));
    return told
      .filter((fact) => fact.fact !== 'end' || calls.has(fact.call))
      .map((fact) => JSON.stringify(fact))
      .join('\n');
  }

  #processFacts({ number: process, startedMs, endedMs, how }: Incarnation): Fact[] {
    const start: Fact = { fact: 'start', atMs: startedMs, process };
    if (how === undefined) return [start];
    // What it had sent may be read from the socket after its end.
    const lastMs = this.#options.host.calls.findLast(
      (call) => this.#incarnationAt(call.startedMs).number === process,
    )?.startedMs;
    return [start, { fact: how, atMs: Math.max(endedMs, lastMs ?? endedMs), process }];
  }

  #lifeFacts({ uid, name, states, over, overMs }: Life): Fact[] {
    const { trigger, namespace } = this.#options;
    const about = { uid, name: `${namespace}/${name}` };
    const writes = states.map(({ object, askedMs }): Fact => ({
      ...about,
      fact: 'write',
      atMs: askedMs,
      rv: object.metadata.resourceVersion,
      counts: { [trigger.trigger]: this.#digest(object) },
      body: canonicalJson(object.spec),
    }));
    const rv = states.at(-1)?.object.metadata.resourceVersion ?? '';
    return over ? [...writes, { ...about, fact: 'gone', atMs: overMs, rv }] : writes;
  }

  #callFacts(call: Call, number: number): Fact[] {
    const { trigger } = this.#options;
    const { object, reason } = call.data;
    const incarnation = this.#incarnationAt(call.startedMs);
    const begun: Fact = {
      fact: 'call',
      atMs: call.startedMs,
      call: number,
      process: incarnation.number,
      trigger: trigger.trigger,
      uid: uidOf(call),
      name: call.key,
      id: call.id,
      type: call.type as 'created' | 'updated' | 'deleted',
      reason,
      rv: String(call.headers['ce-sequence']).replace(/^0+/, ''),
      attempt: Number(call.headers['ce-statewireattempt']),
      ...(call.data.final !== 'unknown' && { body: canonicalJson((object as ChurnedObject).spec) }),
    };
    if (call.endedMs === 0) return [begun];
    const heard = call.endedMs <= incarnation.endedMs;
    return [begun, { fact: 'end', atMs: call.endedMs, call: number, outcome: 'success', heard }];
  }

  /** A call that arrives before the next forwarder is started was sent by the one before. */
  #incarnationAt(ms: number): Incarnation {
    const found = this.incarnations.findLast(({ startedMs }) => startedMs <= ms);
    if (found === undefined) throw new Error('a call came before any forwarder was started');
    return found;
  }

  #digest(object: ChurnedObject): string {
    return canonicalJson(this.#options.counts?.(object) ?? object.spec);
  }
}

/** Where two facts have one time: what may cause the other comes first. */
const RANK: Readonly<Record<Fact['fact'], number>> = {
  trigger: 0,
  'trigger-gone': 0,
  start: 0,
  write: 1,
  gone: 1,
  recount: 1,
  told: 2,
  ask: 2,
  fault: 2,
  call: 3,
  end: 4,
  'given-up': 5,
  status: 5,
  checkpoint: 5,
  'checkpoint-lost': 5,
  drain: 6,
  stop: 6,
  crash: 6,
  holds: 6,
  leak: 6,
  quiet: 7,
};

function uidOf({ headers }: Call): string {
  return String(headers['ce-partitionkey']);
}
