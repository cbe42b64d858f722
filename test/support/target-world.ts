/**
 * A whole pipeline in virtual time whose HTTP target is the real one, on real sockets: what a function host does to the
 * objects of a trigger. Time passes only where no call is under way, or where the call is meant to outlive it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Invocation } from '../../forwarder/model/invocation.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { httpTargets } from '../../forwarder/target/http.ts';
import type { TargetMaker } from '../../forwarder/target/target-maker.ts';
import type { HttpTarget } from '../../forwarder/model/trigger.ts';
import type { Cleanup } from './cluster.ts';
import type { ManualClock } from './manual-clock.ts';
import { principalWith } from './principals.ts';
import { PipelineWorld, type SpecPatch } from './pipeline-world.ts';

/** Turns of the event loop that a call on loopback may take before it is taken for one that hangs. */
const TURNS_OF_A_CALL = 2000;
/** For one that has been found to hang. */
const TURNS_OF_A_HANGING_CALL = 20;
const STEP_MS = 50;

export interface Attempt {
  readonly id: string;
  readonly name: string;
  /** As the event says. */
  readonly attempt: number;
  /** Since the world began. */
  readonly startedMs: number;
  endedMs: number | undefined;
  /** The code of the error, or `done`. */
  came: string | undefined;
}

export class TargetWorld {
  readonly world: PipelineWorld;
  readonly attempts: Attempt[] = [];
  readonly #startMs: number;
  readonly #hanging = new Set<Attempt>();

  private constructor(world: PipelineWorld) {
    this.world = world;
    this.#startMs = world.clock.monotonic();
  }

  static async start(cleanup: Cleanup, origin: string, spec: SpecPatch = {}): Promise<TargetWorld> {
    const made: { self?: TargetWorld; targets?: TargetMaker<HttpTarget> } = {};
    const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });
    const world = await PipelineWorld.start({
      spec: { target: { type: 'http', url: `${origin}/fn`, headers: {} }, ...spec },
      createTarget: (clock) => {
        const targets = httpTargets({ clock, guard, env: {} });
        made.targets = targets;
        return (target, delivery) => {
          if (target.type !== 'http') throw new Error('HTTP only');
          const real = targets.create(target, delivery, principalWith());
          return { ...real, invoke: (...call) => observed(made.self, clock, real, call) };
        };
      },
    });
    made.self = new TargetWorld(world);
    cleanup.after(async () => {
      world.pipeline.stop();
      await made.targets?.[Symbol.asyncDispose]();
    });
    return made.self;
  }

  /** Calls under way. */
  get open(): Attempt[] {
    return this.attempts.filter(({ endedMs }) => endedMs === undefined);
  }

  of(name: string): Attempt[] {
    return this.attempts.filter((attempt) => attempt.name === name);
  }

  /** Waits between the end of an attempt for that object and the start of the next. */
  waits(name: string): number[] {
    const attempts = this.of(name);
    return attempts
      .slice(1)
      .map(({ startedMs }, index) => startedMs - (attempts[index]?.endedMs ?? startedMs));
  }

  /** The most attempts that began within one second, from that time on. */
  perSecond(fromMs = 0): number {
    const starts = this.attempts.map(({ startedMs }) => startedMs).filter((atMs) => atMs >= fromMs);
    return Math.max(0, ...starts.map((atMs) => starts.filter((b) => b >= atMs && b < atMs + 1000).length));
  }

  /** Lets calls end that need no time to. */
  async answered(): Promise<void> {
    await this.world.pass();
    for (let turn = 0; this.open.length > 0; turn++) {
      const hangs = this.open.every((attempt) => this.#hanging.has(attempt));
      if (turn >= (hangs ? TURNS_OF_A_HANGING_CALL : TURNS_OF_A_CALL)) break;
      await nextTurn();
    }
    for (const attempt of this.open) this.#hanging.add(attempt);
    await this.world.pass();
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const { clock } = this.world;
    const endMs = clock.monotonic() + ms;
    await this.answered();
    while (clock.monotonic() < endMs) {
      await clock.advance(Math.min(STEP_MS, endMs - clock.monotonic()));
      if (this.open.length > 0) await this.answered();
    }
  }

  async note(
    invocation: Invocation,
    clock: ManualClock,
    invoke: () => ReturnType<Target['invoke']>,
  ): ReturnType<Target['invoke']> {
    const { id, name, statewireattempt } = invocation.attributes;
    const startedMs = clock.monotonic() - this.#startMs;
    const attempt: Attempt = {
      id,
      name,
      attempt: Number(statewireattempt),
      startedMs,
      endedMs: undefined,
      came: undefined,
    };
    this.attempts.push(attempt);
    try {
      const reply = await invoke();
      attempt.came = 'done';
      return reply;
    } catch (error) {
      attempt.came = (error as { code?: string }).code ?? String(error);
      throw error;
    } finally {
      attempt.endedMs = clock.monotonic() - this.#startMs;
    }
  }
}

function observed(
  world: TargetWorld | undefined,
  clock: ManualClock,
  target: Target,
  [invocation, signal]: Parameters<Target['invoke']>,
): ReturnType<Target['invoke']> {
  const invoke = (): ReturnType<Target['invoke']> => target.invoke(invocation, signal);
  return world === undefined ? invoke() : world.note(invocation, clock, invoke);
}
