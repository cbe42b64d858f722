/**
 * Simulated hours: in each, people write, faults come and go, then all is mended, and once everything must be settled
 * the checker looks at what has become of it.
 */
import { History } from '../support/history/history.ts';
import type { Fact, Violation } from '../support/history/fact.ts';
import { FAULTS } from './chaos.ts';
import { Dice, mix } from './dice.ts';
import { People } from './people.ts';
import { edited } from './triggers.ts';
import { World } from './world.ts';

const HOUR_MS = 3_600_000;
/** Faults and writes end by then; the rest of the hour everything has time to settle, audits included. */
const BUSY_MS = 2_100_000;
/** A world ends after so many hours, and the next begins with nothing but its seed. */
const WORLD_HOURS = 48;
const EDIT_AFTER_MS = 600_000;
const REPLAY_AFTER_MS = 500_000;
const PAUSE_AFTER_MS = 700_000;
const KEPT_FACTS = 20_000;
const HOLDINGS_EVERY_MS = 300_000;
const MINUTE_MS = 60_000;
/** A call and the quiet time that its status costs other triggers. */
const SETTLING_MS = 15_000;
/** Within a minute, of all objects and triggers. */
const MAX_RESYNCS = 20;
const STIRS: ReadonlySet<Fact['fact']> = new Set(['call', 'end', 'write']);

export interface Tally {
  hours: number;
  writes: number;
  invocations: number;
  facts: number;
  readonly faults: Map<string, number>;
}

export interface Finding {
  readonly seed: number;
  readonly hour: number;
  readonly violation: Violation;
  readonly history: History;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly hours: number;
  /** The hour to begin with; its world is lived through from the beginning. @defaultValue 0 */
  readonly fromHour?: number;
  /** Names of the faults there are, in lives with plain triggers; default: all. */
  readonly faults?: readonly string[];
  readonly digests?: boolean;
  readonly onWorld?: (history: History, hour: number) => void;
}

/** Runs until the first violation, which it returns, or to the end. */
export async function simulate(options: SimulationOptions, tally: Tally): Promise<Finding | undefined> {
  const { seed, hours, fromHour = 0, digests = false } = options;
  const first = fromHour - (fromHour % WORLD_HOURS);
  for (let hour = first; hour < fromHour + hours; hour += WORLD_HOURS) {
    const history = new History({ keep: KEPT_FACTS, digests });
    const world = new World(mix(seed, hour), history, undefined, options.faults !== undefined);
    const last = Math.min(hour + WORLD_HOURS, fromHour + hours);
    const finding = await live(world, options, { from: hour, to: last }, tally);
    options.onWorld?.(history, hour);
    tally.writes += world.cluster.writes;
    tally.invocations += world.functions.calls;
    tally.facts += history.size;
    if (finding !== undefined) return finding;
  }
  return undefined;
}

export function newTally(): Tally {
  return { hours: 0, writes: 0, invocations: 0, facts: 0, faults: new Map() };
}

async function live(
  world: World,
  { seed, faults }: SimulationOptions,
  { from, to }: { readonly from: number; readonly to: number },
  tally: Tally,
): Promise<Finding | undefined> {
  const { history, clock } = world;
  const people = new People(world);
  world.start();
  for (let hour = from; hour < to; hour++) {
    const startMs = (hour - from) * HOUR_MS;
    const dice = new Dice(mix(seed, hour, 1));
    planWrites(world, people, dice);
    planFaults(world, dice, tally, faults);
    for (let atMs = HOLDINGS_EVERY_MS; atMs < BUSY_MS; atMs += HOLDINGS_EVERY_MS)
      clock.after(atMs, () => world.recordHoldings(false));
    await clock.runUntil(startMs + BUSY_MS);
    calm(world, dice);
    await clock.runUntil(startMs + HOUR_MS);
    if (!isUnderWay(history, clock.monotonic())) {
      world.recordHoldings(true);
      history.record({ fact: 'quiet', atMs: clock.monotonic() });
    }
    tally.hours++;
    const [violation] = history.violations;
    if (violation !== undefined) return { seed, hour, violation, history };
  }
  world.kill();
  return undefined;
}

/**
 * Whether a resync has just begun, or what it led to: that has not come to its end, and the next hour will tell. Many
 * calls within a minute are no resyncs.
 */
function isUnderWay({ facts }: History, nowMs: number): boolean {
  const latest = facts.slice(facts.findLastIndex(({ atMs }) => atMs < nowMs - MINUTE_MS) + 1);
  const isRecent = latest.some(({ fact, atMs }) => STIRS.has(fact) && atMs > nowMs - SETTLING_MS);
  return isRecent && latest.filter(({ fact }) => fact === 'call').length <= MAX_RESYNCS;
}

/** Ten and a few more, many of them together. */
function planWrites(world: World, people: People, dice: Dice): void {
  const { clock, cluster } = world;
  const end = cluster.writes + dice.between(10, 12);
  const act = (): void => {
    if (cluster.writes < end) people.act();
  };
  for (let left = dice.between(5, 10); left > 0; left--) {
    const atMs = dice.below(BUSY_MS - 120_000);
    for (let together = dice.pick([1, 1, 2, 4]); together > 0; together--)
      clock.after(atMs + dice.below(500), act);
  }
  clock.after(BUSY_MS - 60_000, () => {
    for (let tries = 0; cluster.writes < end && tries < 200; tries++) act();
  });
}

function planFaults(world: World, dice: Dice, tally: Tally, names: readonly string[] | undefined): void {
  const { clock, history } = world;
  const possible = names === undefined ? FAULTS : FAULTS.filter(({ name }) => names.includes(name));
  if (possible.length === 0) return;
  for (let left = dice.pick([1, 1, 1, 1, 2, 2, 4]); left > 0; left--) {
    const { name, maxMs, begin, end } = dice.pick(possible);
    const own = dice.fork();
    const forMs = maxMs === 0 ? 0 : own.between(1, maxMs);
    const tell = (on: boolean): void => history.record({ fact: 'fault', atMs: clock.monotonic(), name, on });
    clock.after(dice.below(BUSY_MS - maxMs), () => {
      tally.faults.set(name, (tally.faults.get(name) ?? 0) + 1);
      tell(true);
      begin(world, own);
      clock.after(forMs, () => {
        end?.(world);
        tell(false);
      });
    });
  }
}

/** Everything is mended. */
function calm(world: World, dice: Dice): void {
  world.functions.isCalm = true;
  world.start();
  // While nothing else happens: what is written between an edit and its being heard of is judged by either.
  if (dice.chance(0.1)) {
    world.clock.after(EDIT_AFTER_MS, () => {
      const trigger = dice.pick(world.triggers);
      const after = edited(trigger, dice);
      // What waits there was judged by the old measure.
      if (!trigger.suspended && trigger.gated !== true) world.put(after);
    });
  }
  const own = new Dice(Math.floor(world.clock.monotonic() / HOUR_MS));
  const isHolding = world.triggers.some(({ finalizer }) => finalizer === true);
  if (isHolding) world.clock.after(REPLAY_AFTER_MS, () => world.replay());
  for (const { name, pauses } of world.triggers) {
    if (pauses === true && own.chance(0.3)) world.clock.after(PAUSE_AFTER_MS, () => pause(world, name));
  }
  world.clock.after(HOUR_MS - BUSY_MS, () => void (world.functions.isCalm = false));
}

function pause(world: World, name: string): void {
  const trigger = world.triggers.find((one) => one.name === name);
  if (trigger !== undefined) world.put({ ...trigger, suspended: !trigger.suspended });
}
