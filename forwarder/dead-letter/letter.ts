/**
 * One dead letter and the loop that writes it: creates it, then its status; takes a replay annotation away; deletes it.
 * The newest intent wins, however many came meanwhile; a write that fails is tried again and never calls a function.
 */
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { Slots } from '../lib/slots.ts';
import { compareResourceVersions } from '../model/delta.ts';
import type { LetterBody, LetterFailure, LetterSight } from './dead-letter.ts';
import type { LetterApi } from './letter-api.ts';
import { isNamespaceGoing, type LetterProblem, problemOf } from './letter-problem.ts';

export interface LetterPorts {
  readonly api: LetterApi;
  readonly clock: Clock;
  readonly random: Random;
  /** Shared with the writes of results. */
  readonly writeSlots: Slots;
  readonly signal: AbortSignal;
}

/** What a letter tells. */
export interface LetterEvents {
  /** Somebody asks for another delivery; answer with `take` once that was seen to. Told again with every new sight. */
  readonly replay: (value: string) => void;
  /** A write was refused; undefined: one succeeded. */
  readonly problem: (problem: LetterProblem | undefined) => void;
  /** There is no such letter, and there is to be none. */
  readonly ended: () => void;
}

/** What is to be: a letter that says this, none, or whatever there is. */
type Intent = LetterBody | 'absent' | 'keep';
type Step = () => Promise<LetterSight | undefined>;

/** For what passes by itself. */
const RETRY = { initialMs: 500, maxMs: 30_000 };
/** For what somebody has to mend: rights, the kind. */
const REFUSED = { initialMs: 5000, maxMs: 300_000 };

export class Letter {
  readonly namespace: string;
  readonly name: string;
  readonly objectUid: string;
  readonly #ports: LetterPorts;
  readonly #events: LetterEvents;
  #intent: Intent = 'keep';
  /** What the status says, where this process wrote it, or what was refused for good. */
  #settled: LetterFailure | undefined;
  #sight: LetterSight | undefined;
  /** A create without an answer may have been carried out. */
  #uncertain = false;
  /** It was refused for good, and is remembered here alone. */
  #refused = false;
  /** Value of the replay annotation that was obeyed; it is still to be removed. */
  #taken: string | undefined;
  #running: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(
    id: { readonly namespace: string; readonly name: string; readonly objectUid: string },
    ports: LetterPorts,
    events: LetterEvents,
  ) {
    this.namespace = id.namespace;
    this.name = id.name;
    this.objectUid = id.objectUid;
    this.#ports = ports;
    this.#events = events;
  }

  /** As the API server has it, as far as is known. */
  get sight(): LetterSight | undefined {
    return this.#sight;
  }

  /** Whether it is on its way out. */
  get isGoing(): boolean {
    return this.#intent === 'absent';
  }

  /** Resolves when nothing is to be written any more; undefined: nothing is. */
  get writing(): Promise<void> | undefined {
    return this.#running;
  }

  /** From now on the letter is to say this. */
  write(body: LetterBody): void {
    this.#intent = body;
    this.#start();
  }

  /** From now on there is to be no such letter. */
  remove(): void {
    this.#intent = 'absent';
    this.#start();
  }

  /** The replay annotation with this value was obeyed: it goes. */
  take(value: string): void {
    this.#taken = value;
    this.#start();
  }

  /** What was refused may be granted now: tries at once. */
  retry(): void {
    this.#wake();
  }

  /** The API server has it like this. */
  show(sight: LetterSight): void {
    const known = this.#sight?.resourceVersion;
    if (known !== undefined && compareResourceVersions(sight.resourceVersion, known) <= 0) return;
    this.#sight = sight;
    this.#uncertain = false;
    if (sight.replay !== this.#taken) this.#taken = undefined;
    this.ask();
  }

  /** Tells `replay` again where that was not seen to. */
  ask(): void {
    const value = this.#sight?.replay;
    if (value !== undefined && this.#taken === undefined && this.#intent !== 'absent')
      this.#events.replay(value);
  }

  /** The watch tells that it is gone. Where somebody else deleted it, that stands until the next failure. */
  vanish(uid: string): void {
    if (this.#sight?.uid !== uid) return;
    this.#sight = undefined;
    if (this.#running === undefined) this.#events.ended();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#ports.signal.aborted) return;
      if (this.#nextStep() !== undefined) this.#start();
      else if (this.#sight === undefined && !this.#refused) this.#events.ended();
    });
  }

  async #run(): Promise<void> {
    const { signal, writeSlots } = this.#ports;
    // What is told in one turn is one write.
    await Promise.resolve();
    for (let failures = 0; !signal.aborted && this.#nextStep() !== undefined;) {
      try {
        // The step is chosen when its turn has come: what is wanted may be another by then.
        await writeSlots.run(async () => {
          const sight = await this.#nextStep()?.();
          if (sight !== undefined) this.show(sight);
        }, signal);
        failures = 0;
        this.#events.problem(undefined);
      } catch (error) {
        if (signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError('API_PROTOCOL', messageOf(error));
        failures += 1;
        if (!this.#gaveUp(known)) await this.#pause(failures, known);
      }
    }
  }

  /** What is to be done next; undefined: nothing. */
  #nextStep(): Step | undefined {
    const { api } = this.#ports;
    const intent = this.#intent;
    const sight = this.#sight;
    if (intent === 'absent') {
      if (sight === undefined && !this.#uncertain) return undefined;
      return () => this.#about(async () => (await api.delete(this, sight?.uid), this.#isGone()));
    }
    if (intent !== 'keep' && this.#settled !== intent.failure) {
      if (sight === undefined) return () => this.#create(intent);
      return () =>
        this.#about(async () => {
          const written = await api.writeStatus(intent, sight);
          this.#settled = intent.failure;
          return written;
        });
    }
    const isTaken = sight?.replay !== undefined && sight.replay === this.#taken;
    return isTaken ? () => this.#about(() => api.removeReplay(sight)) : undefined;
  }

  async #create(body: LetterBody): Promise<LetterSight | undefined> {
    try {
      this.#refused = false;
      return await this.#ports.api.create(body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'API_UNAVAILABLE') this.#uncertain = true;
      if (error.code !== 'API_CONFLICT') throw error;
      return await this.#about(() => this.#ports.api.read(this));
    }
  }

  /** A request about a letter that was there: it may be gone by now, or another version, which is read then. */
  async #about(step: Step): Promise<LetterSight | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'API_NOT_FOUND') return this.#isGone();
      if (error.code !== 'API_CONFLICT') throw error;
      const sight = await this.#ports.api.read(this).catch((other: unknown) => {
        if (other instanceof ApiError && other.code === 'API_NOT_FOUND') return this.#isGone();
        throw other;
      });
      // The same version again would be refused again.
      if (sight !== undefined && sight.resourceVersion === this.#sight?.resourceVersion) throw error;
      return sight;
    }
  }

  #isGone(): undefined {
    this.#sight = undefined;
    this.#uncertain = false;
  }

  /** Whether trying again is of no use. Tells what somebody has to mend. */
  #gaveUp(error: ApiError): boolean {
    if (isNamespaceGoing(error)) {
      this.#intent = 'absent';
      this.#isGone();
      return true;
    }
    const problem = problemOf(error);
    if (problem !== undefined) this.#events.problem(problem);
    if (problem?.reason !== 'DeadLettersInvalid') return false;
    const intent = this.#intent;
    this.#refused = intent !== 'absent' && this.#sight === undefined;
    if (intent === 'absent') this.#isGone();
    else if (intent !== 'keep') this.#settled = intent.failure;
    this.#taken = undefined;
    return true;
  }

  async #pause(failures: number, error: ApiError): Promise<void> {
    const { random, signal, clock } = this.#ports;
    const step = problemOf(error) === undefined ? RETRY : REFUSED;
    const askedMs = Math.min(error.retryAfterMs ?? 0, RETRY.maxMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = clock.after(Math.max(backoffMs(failures, step, random), askedMs), resolve);
    signal.addEventListener('abort', this.#wake, { once: true });
    await promise;
    signal.removeEventListener('abort', this.#wake);
    timer.cancel();
  }
}
