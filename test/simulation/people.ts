/** Those who write to the cluster: edits one by one and in bursts, labels, statuses, deletions, and names used again. */
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

const NAMES = ['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7'] as const;

export class People {
  readonly #world: World;
  readonly #dice: Dice;
  #values = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork();
  }

  /** One thing that somebody does now, with what follows of it at once. */
  act(): void {
    const dice = this.#dice;
    const { cluster, clock } = this.#world;
    const name = dice.pick(NAMES);
    const soon = (ms: number, act: () => void): void => void clock.after(ms, act);
    const value = (): number => ++this.#values;
    switch (dice.below(16)) {
      case 0:
      case 1:
      case 2:
        cluster.create(name);
        return;
      case 3:
      case 4:
      case 5:
        cluster.edit(name, value());
        return;
      case 6:
        for (let burst = dice.between(2, 8); burst > 0; burst--)
          soon(dice.below(400), () => cluster.edit(name, value()));
        return;
      case 7: {
        // There and back again.
        cluster.edit(name, 3);
        soon(dice.below(3000), () => cluster.edit(name, 2));
        soon(3000 + dice.below(3000), () => cluster.edit(name, 3));
        return;
      }
      case 8:
      case 9:
        cluster.label(name, { team: dice.pick(['a', 'b']) });
        return;
      case 10:
        cluster.label(name, { tier: String(dice.below(3)) });
        return;
      case 11:
        cluster.status(name, dice.below(5));
        return;
      case 12:
        cluster.annotate(name, { note: String(value()) });
        return;
      case 13:
        cluster.remove(name);
        return;
      case 14:
        cluster.remove(name);
        soon(dice.below(200), () => cluster.create(name));
        return;
      default:
        cluster.hold(name, true);
        cluster.remove(name);
        soon(dice.between(100, 60_000), () => cluster.hold(name, false));
    }
  }
}
