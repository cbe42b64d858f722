/**
 * A short life of a cluster, in which a trigger has everything to do that there is, and everything that goes out from a
 * process is numbered: a request or a call that arrives, is done, or whose answer is there. At any of these numbers the
 * process can be killed; then another one is started.
 */
import type { EventAttributes } from '../../protocol/event.ts';
import { describeViolation, History } from '../support/history/history.ts';
import type { Manner } from '../simulation/functions.ts';
import type { SimulatedTrigger } from '../simulation/triggers.ts';
import { World } from '../simulation/world.ts';
import { PLAIN_TRIGGER } from './plain-trigger.ts';

const END_MS = 24_000;
/** All failures have been tried again by then. */
const REST_MS = 40_000;

const TRIGGERS = [
  PLAIN_TRIGGER,
  { ...PLAIN_TRIGGER, name: 't1', changes: ['Spec', 'Labels'], team: 'a', quietMs: 0 },
] as const satisfies readonly SimulatedTrigger[];

/** What people do, and when. */
const LIFE: readonly (readonly [atMs: number, act: (world: World) => void])[] = [
  [0, ({ cluster }) => cluster.create('w0', { team: 'a', size: 0 })],
  [0, (world) => world.start()],
  [1000, ({ cluster }) => cluster.create('w1', { team: 'a', size: 1 })],
  [2000, ({ cluster }) => cluster.create('w2', { team: 'b', size: 2 })],
  [2500, ({ cluster }) => cluster.create('asks', { team: 'b', size: 3 })],
  [3000, ({ cluster }) => cluster.edit('w1', 10)],
  [4000, ({ cluster }) => cluster.label('w2', { team: 'a' })],
  [4500, ({ cluster }) => cluster.edit('w0', 10)],
  [4550, ({ cluster }) => cluster.edit('w0', 11)],
  [5000, ({ cluster }) => cluster.create('fails', { team: 'b', size: 0 })],
  [5500, ({ cluster }) => cluster.create('refuses', { team: 'b', size: 0 })],
  // There and, when a process that ends in between has not yet written it down, back again.
  [6000, ({ cluster }) => cluster.edit('w1', 30)],
  [7550, ({ cluster }) => cluster.edit('w0', 12)],
  [8000, ({ cluster }) => cluster.edit('w0', 11)],
  [8200, ({ cluster }) => cluster.status('w0', 4)],
  [9000, ({ cluster }) => cluster.label('w2', { team: 'b' })],
  [10_000, ({ cluster }) => cluster.remove('w1')],
  [11_000, ({ cluster }) => cluster.remove('w2')],
  [11_020, ({ cluster }) => cluster.create('w2', { team: 'a', size: 2 })],
  [12_000, ({ cluster }) => cluster.annotate('w0', { note: 'nobody counts this' })],
  [13_000, ({ cluster }) => cluster.edit('refuses', 1)],
  [14_000, ({ cluster }) => cluster.create('w1', { team: 'b', size: 1 })],
  [17_000, ({ cluster }) => cluster.hold('w1', true)],
  [17_500, ({ cluster }) => cluster.remove('w1')],
  [18_500, ({ cluster }) => cluster.hold('w1', false)],
  [20_000, ({ cluster }) => cluster.edit('w2', 3)],
];

/** The same in every life: what a call comes to depends on its event alone. */
function planned({ name, id, type, statewireattempt }: EventAttributes): Manner {
  const isCreated = type.endsWith('.created');
  switch (name) {
    case 'asks':
      return isCreated ? 'requeue' : 'succeed';
    case 'w0':
      return id.endsWith(':g3') && statewireattempt === '1' ? 'fail' : 'succeed';
    case 'fails':
      return 'fail';
    case 'refuses':
      return id.endsWith(':g1') ? 'failForGood' : 'succeed';
    default:
      return 'succeed';
  }
}

/** Long enough for something to happen meanwhile. */
function takesMs({ name, id }: EventAttributes): number | undefined {
  return /:t\d+$/.test(id) || (name === 'w0' && id.endsWith(':g4')) ? 1500 : undefined;
}

export interface Lived {
  /** When each thing that went out from the processes arrived, was done or known. */
  readonly stages: readonly number[];
  /** Every object that is there, with what each trigger has handled of it and states. */
  readonly outcome: readonly string[];
  readonly calls: number;
  /** A promise that was broken. */
  readonly violation: string | undefined;
}

/** @param kills how many stages each process lives to see */
export async function live(kills: readonly number[] = []): Promise<Lived> {
  const history = new History();
  const world = new World(5, history, TRIGGERS);
  const { clock, functions, weather } = world;
  weather.latencyMs = 6;
  functions.plan = planned;
  functions.longestRequeueS = 8;
  functions.takesMs = takesMs;
  const stages: number[] = [];
  let left = [...kills];
  world.onStage = (stage) => {
    stages.push(clock.monotonic());
    const [next, ...rest] = left;
    if (next === undefined || world.process === undefined) return;
    left = [next - 1, ...rest];
    if (next > 1) return;
    left = rest;
    const kill = (): void => {
      world.kill();
      // Now and then something happens while nobody is there.
      clock.after(stages.length % 4 === 0 ? 0 : 1500, () => world.start());
    };
    // What is known now has been heard, and the process has begun to do something about it.
    if (stage === 'known') clock.after(0, kill);
    else kill();
  };
  for (const [atMs, act] of LIFE) clock.after(atMs, () => act(world));
  await clock.runUntil(END_MS);
  const seen = [...stages];
  await clock.runUntil(END_MS + REST_MS);
  const outcome = outcomeOf(world);
  history.record({ fact: 'quiet', atMs: clock.monotonic() });
  const [violation] = history.violations;
  world.kill();
  return {
    stages: seen,
    outcome,
    calls: functions.calls,
    violation: violation && describeViolation(violation),
  };
}

function outcomeOf({ cluster, history }: World): string[] {
  const { lives } = history.checker.ledger;
  const { store } = cluster.server;
  const widgets = store.list('widgets.example.com').flatMap(({ object }) => {
    const { name, uid } = object['metadata'] as { readonly name: string; readonly uid: string };
    return TRIGGERS.map((trigger) => {
      const pair = lives.get(uid)?.pairs.get(`shop/${trigger.name}`);
      if (pair?.run?.digest === undefined) return `${trigger.name} ${name} is not selected`;
      const stated = pair.status === undefined ? undefined : pair.ids.get(pair.status.id);
      return `${trigger.name} ${name} handled ${pair.handled?.run?.digest} states ${stated?.run?.digest}`;
    });
  });
  const letters = store.list('deadletters.statewire.dev').map(({ object }) => {
    const { trigger, object: of } = object['spec'] as Record<'trigger' | 'object', Record<string, string>>;
    return `${JSON.stringify(trigger)} ${of['name']} is given up`;
  });
  return [...widgets, ...letters].toSorted();
}

/** Says which promise is broken where processes are killed at these stages; undefined where none is. */
export async function brokenBy(undisturbed: Lived, kills: readonly number[]): Promise<string | undefined> {
  const { violation, outcome } = await live(kills);
  if (violation !== undefined) return `${violation}\nkilled at ${kills.join(' and ')}`;
  const other = outcome.filter((line) => !undisturbed.outcome.includes(line));
  if (other.length === 0 && outcome.length === undisturbed.outcome.length) return undefined;
  return `I16: in the end there is ${other.join(', ')}\nkilled at ${kills.join(' and ')}`;
}
