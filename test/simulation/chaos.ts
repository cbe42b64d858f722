/** What goes wrong: each fault of the catalogue, with how long it lasts. */
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

interface Fault {
  readonly name: string;
  /** Longest time until it is over by itself; 0: it is over at once. */
  readonly maxMs: number;
  readonly begin: (world: World, dice: Dice) => void;
  readonly end?: (world: World) => void;
}

const MINUTE = 60_000;

export const FAULTS: readonly Fault[] = [
  { name: 'watch-end', maxMs: 0, begin: ({ process }) => process?.link.cut('end') },
  { name: 'watch-reset', maxMs: 0, begin: ({ process }) => process?.link.cut('reset') },
  {
    name: 'compaction',
    maxMs: 0,
    begin: ({ process, cluster }) => {
      process?.link.cut('end');
      cluster.server.store.compact();
    },
  },
  {
    name: 'half-open',
    maxMs: 5 * MINUTE,
    begin: ({ weather }) => void (weather.isSilent = true),
    end: ({ weather }) => void (weather.isSilent = false),
  },
  {
    name: 'api-down',
    maxMs: 10 * MINUTE,
    begin: ({ weather, process }) => {
      weather.isDown = true;
      process?.link.cut('reset');
    },
    end: ({ weather }) => void (weather.isDown = false),
  },
  {
    name: 'stale-replica',
    maxMs: 10 * MINUTE,
    begin: (world) => {
      world.cluster.replica.cache.lagMs = Infinity;
      world.usesReplica = true;
      world.process?.link.cut('end');
    },
    end: (world) => {
      world.usesReplica = false;
      world.cluster.replica.cache.lagMs = 0;
      world.process?.link.cut('end');
    },
  },
  {
    name: 'start-on-stale-replica',
    maxMs: 10 * MINUTE,
    begin: (world, dice) => {
      world.cluster.replica.cache.lagMs = Infinity;
      world.clock.after(dice.below(5 * MINUTE), () => {
        if (world.cluster.replica.cache.lagMs === 0) return;
        world.usesReplica = true;
        world.kill();
        world.start();
      });
    },
    end: (world) => {
      world.usesReplica = false;
      world.cluster.replica.cache.lagMs = 0;
      world.process?.link.cut('end');
    },
  },
  {
    name: 'slow-watch',
    maxMs: 10 * MINUTE,
    begin: ({ cluster }, dice) => void (cluster.server.cache.lagMs = dice.between(100, 20_000)),
    end: ({ cluster }) => void (cluster.server.cache.lagMs = 0),
  },
  {
    name: 'refusals',
    maxMs: 10 * MINUTE,
    begin: ({ weather }, dice) => void (weather.refusing = dice.pick([0.1, 0.5, 0.9])),
    end: ({ weather }) => void (weather.refusing = 0),
  },
  {
    name: 'lost-answers',
    maxMs: 10 * MINUTE,
    begin: ({ weather }, dice) => void (weather.losing = dice.pick([0.1, 0.5])),
    end: ({ weather }) => void (weather.losing = 0),
  },
  {
    name: 'broken-lists',
    maxMs: 5 * MINUTE,
    begin: ({ weather, process }, dice) => {
      weather.truncating = dice.pick([0.5, 0.9]);
      process?.link.cut('reset');
    },
    end: ({ weather }) => void (weather.truncating = 0),
  },
  {
    name: 'double-events',
    maxMs: 20 * MINUTE,
    begin: ({ weather }) => void (weather.doubling = 0.5),
    end: ({ weather }) => void (weather.doubling = 0),
  },
  {
    name: 'withheld-events',
    maxMs: 10 * MINUTE,
    begin: ({ weather }) => void (weather.withholding = 0.3),
    end: ({ weather }) => void (weather.withholding = 0),
  },
  {
    name: 'bad-functions',
    maxMs: 20 * MINUTE,
    begin: ({ functions, triggers }, dice) =>
      void functions.troubled.add(`shop/${dice.pick(triggers.map(({ name }) => name))}`),
    end: ({ functions }) => functions.troubled.clear(),
  },
  {
    name: 'kill',
    maxMs: 5 * MINUTE,
    begin: (world) => world.kill(),
    end: (world) => world.start(),
  },
  {
    name: 'kill-at-effect',
    maxMs: 10 * MINUTE,
    begin: (world, dice) => void (world.killAfter = dice.between(1, 12)),
    end: (world) => {
      world.killAfter = undefined;
      world.start();
    },
  },
  {
    name: 'kill-and-start',
    maxMs: 0,
    begin: (world) => {
      world.kill();
      world.start();
    },
  },
  {
    name: 'checkpoint-lost',
    maxMs: MINUTE,
    begin: (world) => world.loseCheckpoints(),
    end: (world) => world.start(),
  },
  {
    name: 'checkpoint-damaged',
    maxMs: MINUTE,
    begin: (world, dice) => world.damageCheckpoint(dice.pick(world.triggers).name, dice),
    end: (world) => world.start(),
  },
  {
    name: 'upgrade',
    maxMs: MINUTE,
    begin: (world) => void world.stop(),
    end: (world) => {
      world.kill();
      world.start();
    },
  },
  {
    name: 'wall-clock',
    maxMs: 20 * MINUTE,
    begin: ({ clock }, dice) => void (clock.skewMs = dice.pick([-60, -1, 1, 60]) * MINUTE),
    end: ({ clock }) => void (clock.skewMs = 0),
  },
  {
    name: 'blocked-loop',
    maxMs: 0,
    begin: ({ process }, dice) => process?.block(dice.between(1000, 30_000)),
  },
];
