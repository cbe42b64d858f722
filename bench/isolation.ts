/**
 * Two forwarders side by side, each with 50 triggers and a function for each. In one of them a function hangs with all
 * its concurrency while its objects go on being edited; then they change places. From the API server's answer to a write
 * to the call, of the other 49. Both are measured at the same moments, so whatever else the machine does meets both.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchFunction, startFunction } from './bench-function.ts';
import type { Forwarder } from './forwarder.ts';
import { type Figure, percentile } from './table.ts';
import type { World } from './world.ts';

const TRIGGERS = 50;
const OBJECTS_EACH = 20;
const OBJECTS = TRIGGERS * OBJECTS_EACH;
/** The trigger whose function hangs. */
const HANGING = 0;
const CONCURRENCY = 10;
/** Edits in each of both: every object once in 50 seconds. */
const PER_SECOND = 20;
const SPELL_MS = 10_000;
const WITHIN_MS = 60_000;

export async function isolation(world: World, quick: boolean): Promise<readonly Figure[]> {
  await using stack = new AsyncDisposableStack();
  const one = stack.use(await Side.start(world, 'bench-isolation-one'));
  const two = stack.use(await Side.start(world, 'bench-isolation-two'));
  await edit([one, two], 3000);
  const undisturbed: number[] = [];
  const disturbed: number[] = [];
  for (let spell = 0; spell < (quick ? 2 : 8); spell++) {
    const [calm, hung] = spell % 2 === 0 ? [one, two] : [two, one];
    await hung.hang();
    const before = hung.hanging.arrivals.length;
    await edit([one, two], SPELL_MS);
    if (hung.hanging.arrivals.length > before) throw new Error('it was called beyond its concurrency');
    undisturbed.push(...calm.latencies());
    disturbed.push(...hung.latencies());
    hung.hanging.release();
    await sleep(1000);
  }
  const both = `${TRIGGERS} triggers: write answered → call arrives`;
  const hangs = 'the same while one function hangs';
  const figure = (what: string, samples: readonly number[], percent: number): Figure => ({
    what: `${what}, p${percent}`,
    value: percentile(samples, percent),
    unit: 'ms',
    note: `${samples.length} writes`,
  });
  return [
    figure(both, undisturbed, 50),
    figure(hangs, disturbed, 50),
    figure(both, undisturbed, 99),
    figure(hangs, disturbed, 99),
    {
      what: 'the second p99 in terms of the first',
      value: percentile(disturbed, 99) / percentile(undisturbed, 99),
      unit: '×',
      floor: { atMost: 1.2 },
      note: 'both at the same moments',
    },
  ];
}

/** A forwarder with 50 triggers in a namespace of their own. */
class Side implements AsyncDisposable {
  readonly #world: World;
  readonly #namespace: string;
  readonly #stack = new AsyncDisposableStack();
  readonly #others: BenchFunction;
  readonly hanging: BenchFunction;
  readonly #generations = Array.from({ length: OBJECTS }, () => 1);
  readonly #answeredMs = new Map<string, number>();
  #edits = 0;
  #forwarder: Forwarder | undefined;

  private constructor(world: World, namespace: string, others: BenchFunction, hanging: BenchFunction) {
    this.#world = world;
    this.#namespace = namespace;
    this.#others = this.#stack.use(others);
    this.hanging = this.#stack.use(hanging);
  }

  static async start(world: World, namespace: string): Promise<Side> {
    const side = new Side(world, namespace, await startFunction(), await startFunction());
    await world.createNamespace(namespace);
    const labels = (trigger: number): Readonly<Record<string, string>> => ({ trigger: `t${trigger}` });
    await world.createWidgets(namespace, 0, OBJECTS, (index) => labels(index % TRIGGERS));
    const forwarder = side.#stack.use(await world.startForwarder(namespace));
    side.#forwarder = forwarder;
    for (let trigger = 0; trigger < TRIGGERS; trigger++) {
      const url = trigger === HANGING ? side.hanging.url : `${side.#others.url}${trigger}`;
      // The timeout is longer than a spell: who hangs, hangs all the time.
      const delivery = { concurrency: CONCURRENCY, timeout: '60s' };
      await world.createTrigger(namespace, `t${trigger}`, delivery, { url, labels: labels(trigger) });
    }
    const called = (): number => side.#others.arrivals.length + side.hanging.arrivals.length;
    await forwarder.until('all are created', () => called() >= OBJECTS, WITHIN_MS);
    return side;
  }

  begin(): void {
    this.#others.reset();
    this.#answeredMs.clear();
  }

  /** Its function answers no more; resolves when all places are taken by calls that wait for it. */
  async hang(): Promise<void> {
    this.hanging.reset();
    this.hanging.hold();
    const own = Array.from({ length: OBJECTS_EACH }, (_, index) => index * TRIGGERS + HANGING);
    await Promise.all(own.map((index) => this.#edit(index)));
    const full = (): boolean => this.hanging.arrivals.length === CONCURRENCY;
    await this.#forwarder?.until('all places are taken', full, WITHIN_MS);
  }

  /** Edits the next object. */
  edit(): Promise<void> {
    return this.#edit(this.#edits++ % OBJECTS);
  }

  async #edit(index: number): Promise<void> {
    const generation = (this.#generations[index] ?? 0) + 1;
    this.#generations[index] = generation;
    const atMs = await this.#world.edit(this.#namespace, `w${index}`, generation);
    if (index % TRIGGERS !== HANGING) this.#answeredMs.set(`w${index}:${generation}`, atMs);
  }

  /** Whether every write to objects of the other 49 has been told. */
  get allTold(): boolean {
    return this.latencies().length >= this.#answeredMs.size;
  }

  /** Of the writes to objects of the other 49 since `begin`, in ms. */
  latencies(): number[] {
    return this.#others.arrivals.flatMap(({ name, generation, atMs }) => {
      const since = this.#answeredMs.get(`${name}:${generation}`);
      return since === undefined ? [] : [atMs - since];
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.hanging.release();
    return this.#stack.disposeAsync();
  }
}

/** Edits objects of both on a schedule fixed in advance, turn about; resolves when every call has come. */
async function edit(sides: readonly Side[], forMs: number): Promise<void> {
  for (const side of sides) side.begin();
  const writes: Promise<void>[] = [];
  const startMs = performance.now() + 50;
  const total = (forMs * PER_SECOND * sides.length) / 1000;
  for (let sent = 0; sent < total;) {
    const passedMs = performance.now() - startMs;
    for (; sent < total && (sent * 1000) / (PER_SECOND * sides.length) <= passedMs; sent++) {
      writes.push(sides[sent % sides.length]?.edit() ?? Promise.resolve());
    }
    await sleep(1);
  }
  await Promise.all(writes);
  const endMs = performance.now() + WITHIN_MS;
  while (!sides.every(({ allTold }) => allTold)) {
    if (performance.now() > endMs) throw new Error('a write was never told');
    await sleep(50);
  }
}
