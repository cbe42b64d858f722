/** Goes through a sequence once, with a look at what comes next. */
export class Cursor<Item> {
  readonly #iterator: Iterator<Item, unknown>;
  #next: IteratorResult<Item, unknown>;

  constructor(items: Iterable<Item>) {
    this.#iterator = items[Symbol.iterator]();
    this.#next = this.#iterator.next();
  }

  get done(): boolean {
    return this.#next.done === true;
  }

  /** Takes items for as long as `take` says that it took one. */
  takeWhile(take: (item: Item) => boolean): void {
    while (this.#next.done !== true && take(this.#next.value)) this.#next = this.#iterator.next();
  }
}
