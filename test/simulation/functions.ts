/** The functions: they succeed, fail, hang, answer late, ask to be called again, and state a status. */
import { errorFromFailure } from '../../forwarder/kube/api-error.ts';
import { TargetError } from '../../forwarder/lib/errors.ts';
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Invocation } from '../../forwarder/model/invocation.ts';
import type { Reply, Target } from '../../forwarder/model/target.ts';
import type { CallFact, EndFact } from '../support/history/fact.ts';
import type { History } from '../support/history/history.ts';
import type { EventData } from '../../protocol/event.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { bodyOf } from './body.ts';
import { leaks } from './canary.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './link.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What a call comes to, with how often it does in 1,000 calls: on good days, and on bad ones. */
const MANNERS = {
  succeed: [940, 300],
  requeue: [20, 40],
  fail: [15, 200],
  failForGood: [1, 20],
  askForTime: [2, 60],
  hang: [2, 60],
  answerLate: [2, 60],
  loseAnswer: [8, 100],
  beAway: [5, 100],
  beUnknown: [5, 60],
} as const;

export type Manner = keyof typeof MANNERS;

export class SimulatedFunctions {
  /** Triggers whose functions have a bad day. */
  readonly troubled: Set<string> = new Set();
  /** Every call succeeds. */
  isCalm: boolean = false;
  /** What a call comes to, where that is not left to chance. */
  plan: (attributes: Invocation['attributes']) => Manner | undefined = () => undefined;
  /** How long a call takes, where that is not left to chance. */
  takesMs: (attributes: Invocation['attributes']) => number | undefined = () => undefined;
  /** Longest time after which one asks to be called again. */
  longestRequeueS: number = 600;
  /** A call arrives, has been taken or answered, or its answer is known. */
  onStage: (stage: Stage) => void = () => undefined;
  readonly #clock: VirtualClock;
  readonly #history: History;
  readonly #dice: Dice;
  #calls = 0;

  constructor(options: { readonly clock: VirtualClock; readonly history: History; readonly dice: Dice }) {
    this.#clock = options.clock;
    this.#history = options.history;
    this.#dice = options.dice;
  }

  /** Calls so far. */
  get calls(): number {
    return this.#calls;
  }

  /** The function that is called for any trigger, as one process reaches it. */
  target(process: {
    readonly number: number;
    readonly clock: Clock;
    readonly isOver: () => boolean;
  }): Target {
    return {
      type: 'http',
      description: 'simulated',
      maxDataBytes: undefined,
      invoke: (invocation, signal) => this.#invoke(invocation, signal, process),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  #invoke(
    invocation: Invocation,
    signal: AbortSignal,
    process: { readonly number: number; readonly clock: Clock; readonly isOver: () => boolean },
  ): Promise<Reply> {
    if (process.isOver()) return new Promise(() => undefined);
    this.onStage('arrives');
    if (process.isOver()) return new Promise(() => undefined);
    const { attributes, dataJson, timeoutMs } = invocation;
    if (leaks(dataJson))
      this.#history.record({ fact: 'leak', atMs: this.#clock.monotonic(), where: 'an event' });
    const data = parseExact(dataJson) as EventData<KubeObject>;
    const call = ++this.#calls;
    const type = attributes.type.slice(attributes.type.lastIndexOf('.') + 1) as CallFact['type'];
    const { namespace = '' } = attributes;
    this.#history.record({
      fact: 'call',
      atMs: this.#clock.monotonic(),
      call,
      process: process.number,
      epoch: Number(attributes.statewireepoch),
      trigger: attributes.trigger,
      uid: attributes.partitionkey,
      name: `${namespace}/${attributes.name}`,
      id: attributes.id,
      type,
      reason: data.reason,
      rv: type === 'deleted' ? attributes.sequence.replace(/^0+/, '') : data.object.metadata.resourceVersion,
      attempt: Number(attributes.statewireattempt),
      deadlineMs: this.#clock.monotonic() + timeoutMs,
      ...(type !== 'deleted' && { body: bodyOf(data.object) }),
    });
    this.onStage('done');
    return new Promise<Reply>((resolve, reject) => {
      const answer = this.#answer(attributes, type, timeoutMs);
      const deadline = process.clock.after(timeoutMs, () =>
        reject(new TargetError('TARGET_TIMEOUT', 'no answer in time', { blame: 'delivery' })),
      );
      const onAbort = (): void => {
        deadline.cancel();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#clock.after(answer.afterMs, () => {
        this.#history.record({ fact: 'end', atMs: this.#clock.monotonic(), call, ...answer.end });
        this.onStage('done');
        if (process.isOver() || answer.reply === undefined) return;
        this.onStage('known');
        deadline.cancel();
        signal.removeEventListener('abort', onAbort);
        if (answer.reply instanceof TargetError) reject(answer.reply);
        else resolve(answer.reply);
      });
    });
  }

  #answer(attributes: Invocation['attributes'], type: string, timeoutMs: number): Answer {
    const dice = this.#dice;
    const { trigger, id } = attributes;
    const usualMs = dice.chance(0.9) ? dice.between(1, 50) : dice.between(50, 4000);
    const quickMs = this.takesMs(attributes) ?? usualMs;
    const status = type === 'deleted' ? {} : { status: { [statusField(trigger)]: id } };
    const states = type !== 'deleted';
    const failed = (error: TargetError, end: Partial<EndFact> = {}): Answer => ({
      afterMs: quickMs,
      end: { outcome: 'fail', blame: error.blame, permanent: error.permanent, ...end },
      reply: error,
    });
    switch (this.plan(attributes) ?? this.#manner(trigger)) {
      case 'succeed':
        return { afterMs: quickMs, end: { outcome: 'success', states }, reply: result(status) };
      case 'requeue': {
        const seconds = dice.between(1, this.longestRequeueS);
        const end = { outcome: 'success', states, requeueAfterMs: 1000 * seconds } as const;
        return { afterMs: quickMs, end, reply: result({ ...status, requeueAfter: `${seconds}s` }) };
      }
      case 'fail':
        return failed(new TargetError('TARGET_FAILED', 'it failed', { blame: 'delivery' }));
      case 'failForGood':
        return failed(new TargetError('TARGET_REFUSED', 'never', { blame: 'delivery', permanent: true }));
      case 'askForTime': {
        const retryAfterMs = 1000 * dice.between(1, 20);
        const error = { message: 'later', retryAfter: `${retryAfterMs / 1000}s` };
        return { afterMs: quickMs, end: { outcome: 'fail', retryAfterMs }, reply: result({ error }) };
      }
      case 'hang':
        return {
          afterMs: timeoutMs + dice.between(1, 600_000),
          end: { outcome: 'unknown' },
          reply: undefined,
        };
      case 'answerLate': {
        const end = { outcome: 'success', heard: false } as const;
        return { afterMs: timeoutMs + dice.between(1, 5000), end, reply: undefined };
      }
      case 'loseAnswer':
        return {
          afterMs: quickMs,
          end: { outcome: dice.chance(0.5) ? 'success' : 'unknown', heard: false },
          reply: new TargetError('TARGET_FAILED', 'the connection was lost', { blame: 'delivery' }),
        };
      case 'beAway':
        return failed(
          new TargetError('TARGET_UNAVAILABLE', 'unavailable', { blame: 'target', minWaitMs: 1000 }),
        );
      case 'beUnknown':
        return failed(
          new TargetError('TARGET_UNREACHABLE', 'refused', {
            blame: 'target',
            conclusive: true,
            cause: errorFromFailure('POST', new Error('refused')),
          }),
        );
    }
  }

  #manner(trigger: string): Manner {
    if (this.isCalm) return 'succeed';
    const column = this.troubled.has(trigger) ? 1 : 0;
    let left = this.#dice.below(1000);
    for (const [manner, shares] of Object.entries(MANNERS)) {
      left -= shares[column];
      if (left < 0) return manner as Manner;
    }
    return 'succeed';
  }
}

interface Answer {
  readonly afterMs: number;
  readonly end: Omit<EndFact, 'fact' | 'atMs' | 'call'>;
  /** Undefined: none that arrives in time. */
  readonly reply: Reply | TargetError | undefined;
}

/** Where a trigger's function states which event it has seen. */
function statusField(trigger: string): string {
  return trigger.slice(trigger.indexOf('/') + 1);
}

function result(body: object): Reply {
  return { kind: 'body', text: JSON.stringify({ kind: 'FunctionResult', ...body }) };
}
