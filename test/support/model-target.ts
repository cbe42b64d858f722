/** A function host of which a test says what each call comes to; calls that nobody answers end at their deadline. */
import type { EventAttributes, EventData } from '../../protocol/event.ts';
import type { FunctionResult } from '../../protocol/result.ts';
import type { Clock, Timer } from '../../forwarder/lib/clock.ts';
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Invocation } from '../../forwarder/model/invocation.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import type { Reply, Target } from '../../forwarder/model/target.ts';
import type { TargetSpec } from '../../forwarder/model/trigger.ts';

export type Answer = Omit<FunctionResult, 'kind'> | TargetError;

export class ModelCall {
  readonly event: EventAttributes;
  readonly data: EventData<KubeObject>;
  readonly url: string;
  readonly startedMs: number;
  endedMs: number | undefined;
  answer: Answer | undefined;
  #timer: Timer | undefined;
  readonly #clock: Clock;
  readonly #reply = Promise.withResolvers<Reply>();

  constructor(invocation: Invocation, url: string, clock: Clock) {
    this.event = invocation.attributes;
    this.data = JSON.parse(invocation.dataJson) as EventData<KubeObject>;
    this.url = url;
    this.startedMs = clock.monotonic();
    this.#clock = clock;
  }

  get promise(): Promise<Reply> {
    return this.#reply.promise;
  }

  get open(): boolean {
    return this.endedMs === undefined;
  }

  get ok(): boolean {
    const { answer } = this;
    if (answer === undefined || answer instanceof TargetError || answer.error !== undefined) return false;
    return this.type !== 'deleted' || answer.finalized !== false;
  }

  /** `created web-1:g1` */
  get text(): string {
    return `${this.type} ${this.event.id}`;
  }

  get type(): string {
    return this.event.type.slice(this.event.type.lastIndexOf('.') + 1);
  }

  /** Ends the call, after `afterMs` where given. */
  end(answer: Answer = {}, afterMs = 0): void {
    if (afterMs > 0) {
      this.#timer = this.#clock.after(afterMs, () => this.end(answer));
      return;
    }
    if (!this.#close()) return;
    this.answer = answer;
    if (answer instanceof TargetError) this.#reply.reject(answer);
    else if (Object.keys(answer).length === 0) this.#reply.resolve({ kind: 'empty' });
    else this.#reply.resolve({ kind: 'body', text: JSON.stringify({ kind: 'FunctionResult', ...answer }) });
  }

  abort(reason: unknown): void {
    if (this.#close()) this.#reply.reject(reason);
  }

  #close(): boolean {
    this.#timer?.cancel();
    if (!this.open) return false;
    this.endedMs = this.#clock.monotonic();
    return true;
  }
}

export class ModelHost {
  readonly calls: ModelCall[] = [];
  /** What each new call comes to, and after what time; undefined: the test ends it. */
  script: (call: ModelCall) => readonly [answer: Answer, afterMs?: number] | undefined = () => [{}];
  /** Sees each call as it starts. */
  onCall: (call: ModelCall) => void = () => undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  target(spec: TargetSpec): Target {
    const url = 'url' in spec ? spec.url : 'functionName' in spec ? spec.functionName : spec.type;
    return {
      type: spec.type,
      description: url,
      maxDataBytes: undefined,
      invoke: (invocation, signal) => this.#invoke(invocation, url, signal),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async #invoke(invocation: Invocation, url: string, signal: AbortSignal): Promise<Reply> {
    signal.throwIfAborted();
    const call = new ModelCall(invocation, url, this.#clock);
    this.calls.push(call);
    this.onCall(call);
    const deadline = this.#clock.after(invocation.timeoutMs, () =>
      call.end(new TargetError('TARGET_TIMEOUT', 'no answer in time', { blame: 'delivery' })),
    );
    const onAbort = (): void => call.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const planned = this.script(call);
    if (planned !== undefined) call.end(...planned);
    try {
      return await call.promise;
    } finally {
      deadline.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}
