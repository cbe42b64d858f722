/** Histories as tests tell them. */
import type { CallFact, EndFact, Fact, TriggerFact } from './fact.ts';

export const TRIGGER: TriggerFact = {
  fact: 'trigger',
  atMs: 0,
  trigger: 'shop/app',
  quietMs: 100,
  maxWaitMs: 500,
  maxAttempts: 3,
  backoff: { initialMs: 1000, maxMs: 8000 },
  concurrency: 2,
  promptMs: 1000,
};

/** Tells a story about object `a`, life 1, of which time and versions go on by themselves. */
export class Story {
  readonly facts: Fact[] = [];
  atMs: number = 0;
  process: number = 1;
  #rv = 100;
  #calls = 0;

  constructor(trigger: Partial<TriggerFact> = {}) {
    this.facts.push({ ...TRIGGER, ...trigger }, { fact: 'start', atMs: 0, process: 1 });
  }

  wait(ms: number): this {
    this.atMs += ms;
    return this;
  }

  add(fact: { readonly fact: Fact['fact'] } & Readonly<Record<string, unknown>>): this {
    this.facts.push({ ...fact, atMs: this.atMs } as unknown as Fact);
    return this;
  }

  write(digest: string | undefined, more: object = {}, uid = 'a-1'): this {
    this.#rv++;
    const counts = digest === undefined ? {} : { 'shop/app': digest };
    return this.add({ fact: 'write', uid, name: 'shop/a', rv: String(this.#rv), counts, ...more });
  }

  /** An edit of what counts: the object comes to that. */
  recount(digest: string): this {
    return this.add({ fact: 'recount', trigger: 'shop/app', uid: 'a-1', digest });
  }

  gone(uid = 'a-1'): this {
    this.#rv++;
    return this.add({ fact: 'gone', uid, name: 'shop/a', rv: String(this.#rv) });
  }

  call(type: CallFact['type'], more: Partial<CallFact> = {}): this {
    const uid = more.uid ?? 'a-1';
    const rv = more.rv ?? String(this.#rv);
    const id = type === 'deleted' ? `${uid}:deleted` : `${uid}:${rv}`;
    const { process } = this;
    const reason = type === 'deleted' ? 'Deleted' : 'Watch';
    const name = 'shop/a';
    const call = ++this.#calls;
    const told = { call, process, trigger: 'shop/app', uid, name, id, type, reason, rv, attempt: 1, ...more };
    return this.add({ fact: 'call', ...told });
  }

  end(outcome: EndFact['outcome'] = 'success', more: Partial<EndFact> = {}): this {
    return this.add({ fact: 'end', call: this.#calls, outcome, ...more });
  }

  status(id: string, uid = 'a-1'): this {
    return this.add({ fact: 'status', trigger: 'shop/app', uid, id });
  }

  restart(how: 'crash' | 'stop' = 'crash'): this {
    this.add({ fact: how, process: this.process });
    this.process++;
    return this.add({ fact: 'start', process: this.process });
  }

  quiet(): this {
    return this.wait(60_000).add({ fact: 'quiet' });
  }

  /** Created, and sent in time. */
  called(more: Partial<CallFact> = {}, written: object = {}): this {
    return this.write('one', written).wait(100).call('created', more);
  }

  /** Created, and handled. */
  handled(): this {
    return this.called().wait(10).end();
  }

  /** Changed, and sent in time. */
  changed(more: Partial<CallFact> = {}): this {
    return this.write('two').wait(200).call('updated', more);
  }
}

export const story = (trigger?: Partial<TriggerFact>): Story => new Story(trigger);
