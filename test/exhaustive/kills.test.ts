/**
 * Whatever goes out from a process, an end of it may come right before, right after, or when the answer is there. A
 * short life of a cluster is lived through once undisturbed, to number everything that goes out. Then the process is
 * killed at each number and another one started, and once more in the life of that one: in the end all is as it would
 * have been.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventAttributes } from '../../protocol/event.ts';
import { describeViolation, History } from '../support/history/history.ts';
import type { Manner } from '../simulation/functions.ts';
import type { SimulatedTrigger } from '../simulation/triggers.ts';
import { World } from '../simulation/world.ts';

const END_MS = 24_000;
/** All failures have been tried again by then. */
const REST_MS = 40_000;

const TRIGGER: SimulatedTrigger = {
  name: 't0',
  changes: ['Spec'],
  team: undefined,
  quietMs: 100,
  maxWaitMs: 500,
  maxAttempts: 3,
  concurrency: 2,
  suspended: false,
};
const TRIGGERS = [
  TRIGGER,
  { ...TRIGGER, name: 't1', changes: ['Spec', 'Labels'], team: 'a', quietMs: 0 },
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
  // There and back again.
  [6000, ({ cluster }) => cluster.edit('w1', 30)],
  [7400, ({ cluster }) => cluster.edit('w1', 31)],
  [7900, ({ cluster }) => cluster.edit('w1', 30)],
  [8000, ({ cluster }) => cluster.status('w0', 4)],
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
      return type.endsWith('.updated') && statewireattempt === '1' ? 'fail' : 'succeed';
    case 'fails':
      return 'fail';
    case 'refuses':
      return id.endsWith(':g1') ? 'failForGood' : 'succeed';
    default:
      return 'succeed';
  }
}

interface Lived {
  /** What went out from the processes, as far as it arrived, was done or known. */
  readonly stages: number;
  /** Every object that is there, with what each trigger has handled of it and states. */
  readonly outcome: readonly string[];
  readonly calls: number;
}

/** @param kills how many stages each process lives to see */
async function live(kills: readonly number[] = []): Promise<Lived> {
  const history = new History();
  const world = new World(5, history, TRIGGERS);
  const { clock, functions, weather } = world;
  weather.latencyMs = 6;
  functions.plan = planned;
  functions.longestRequeueS = 8;
  let stages = 0;
  let left = [...kills];
  world.onStage = (stage) => {
    stages++;
    const [next, ...rest] = left;
    if (next === undefined || world.process === undefined) return;
    left = [next - 1, ...rest];
    if (next > 1) return;
    left = rest;
    const kill = (): void => {
      world.kill();
      // Now and then something happens while nobody is there.
      clock.after(stages % 2 === 0 ? 0 : 1500, () => world.start());
    };
    // What is known now has been heard, and the process has begun to do something about it.
    if (stage === 'known') clock.after(0, kill);
    else kill();
  };
  for (const [atMs, act] of LIFE) clock.after(atMs, () => act(world));
  await clock.runUntil(END_MS);
  const seen = stages;
  await clock.runUntil(END_MS + REST_MS);
  const outcome = outcomeOf(world);
  history.record({ fact: 'quiet', atMs: clock.monotonic() });
  const [violation] = history.violations;
  if (violation !== undefined) assert.fail(describeViolation(violation));
  world.kill();
  return { stages: seen, outcome, calls: functions.calls };
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

async function sameAs(undisturbed: Lived, kills: readonly number[]): Promise<void> {
  const killed = await live(kills).catch((error: unknown) => {
    throw new Error(`killed at ${kills.join(' and ')}: ${String(error)}`, { cause: error });
  });
  assert.deepEqual(killed.outcome, undisturbed.outcome, `I16: killed at ${kills.join(' and ')}`);
}

describe('A forwarder that is killed', async () => {
  const undisturbed = await live();

  it('does all there is to do in the life that is tried here', async (t) => {
    const { outcome, stages, calls } = undisturbed;
    t.diagnostic(`${stages} stages, ${calls} calls`);
    t.diagnostic(outcome.join('\n'));
    assert.ok(calls > 15 && stages > 300);
    assert.deepEqual(await live(), undisturbed, 'it is always the same');
  });

  it('at any moment leaves nothing behind', async () => {
    for (let stage = 1; stage <= undisturbed.stages; stage++) await sameAs(undisturbed, [stage]);
  });

  it('at any moment, as the next one is, leaves nothing behind', async () => {
    for (let first = 3; first <= undisturbed.stages; first += 31)
      for (let second = 1 + (first % 5); second <= 60; second += 13)
        await sameAs(undisturbed, [first, second]);
  });
});
