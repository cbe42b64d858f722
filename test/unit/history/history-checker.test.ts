/** The checker itself: histories that keep the promises pass, and each that breaks one is caught by name. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CallFact, EndFact, Fact, Invariant, TriggerFact } from '../../support/history/fact.ts';
import { checkHistory, describeViolation, History, readHistory } from '../../support/history/history.ts';

const TRIGGER: TriggerFact = {
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
class Story {
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

  /** Created, and handled. */
  handled(): this {
    return this.write('one').wait(100).call('created').wait(10).end();
  }
}

const story = (trigger?: Partial<TriggerFact>): Story => new Story(trigger);

const GOOD: readonly (readonly [title: string, Story])[] = [
  ['a state that is handled', story().handled().quiet()],
  [
    'a change, and the end',
    story().handled().write('two').wait(100).call('updated').end().gone().call('deleted').end().quiet(),
  ],
  ['a state that comes and goes within the quiet time', story().handled().write('two').write('one').quiet()],
  [
    'a retry after its backoff',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('fail')
      .wait(800)
      .call('created', { attempt: 2 })
      .end()
      .quiet(),
  ],
  [
    'attempts that are used up where somebody can see it',
    story({ maxAttempts: 1 })
      .write('one')
      .wait(100)
      .call('created')
      .end('fail')
      .add({ fact: 'given-up', trigger: 'shop/app', uid: 'a-1' })
      .quiet(),
  ],
  [
    'one repeat of what was handled right before a crash',
    story().handled().wait(500).restart().wait(50).call('created').end().quiet(),
  ],
  [
    'a repeat after what was handled is lost',
    story()
      .handled()
      .quiet()
      .add({ fact: 'checkpoint-lost', trigger: 'shop/app' })
      .restart()
      .wait(50)
      .call('created')
      .end()
      .quiet(),
  ],
  [
    'all again where nothing is durable',
    story({ durable: false }).handled().quiet().restart().wait(50).call('created').end().quiet(),
  ],
  [
    'two lives of one name',
    story()
      .handled()
      .gone()
      .write('one', {}, 'a-2')
      .call('deleted', { rv: '102' })
      .end()
      .wait(200)
      .call('created', { uid: 'a-2' })
      .end()
      .quiet(),
  ],
  [
    'a call that goes on after its deadline',
    story()
      .write('one')
      .wait(100)
      .call('created', { deadlineMs: 200 })
      .wait(1200)
      .call('created', { attempt: 2 })
      .wait(10)
      .end()
      .quiet(),
  ],
  ['the own write of a field that counts', story().handled().write('two', { by: 'shop/app' }).quiet()],
  [
    'an edit of what counts',
    story()
      .handled()
      .add({ ...TRIGGER, quietMs: 50 })
      .add({ fact: 'recount', trigger: 'shop/app', uid: 'a-1', digest: 'other' })
      .quiet(),
  ],
  [
    'leaving the selection, and coming back',
    story()
      .handled()
      .write(undefined)
      .call('deleted')
      .end()
      .wait(200)
      .write('one')
      .wait(100)
      .call('created')
      .end()
      .quiet(),
  ],
  [
    'a requeue that was asked for',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('success', { requeueAfterMs: 1000 })
      .wait(1000)
      .call('updated', { reason: 'Requeue' })
      .end()
      .quiet(),
  ],
  [
    'a status that says what a call has come to',
    story().write('one').wait(100).call('created').end('success', { states: true }).status('a-1:101').quiet(),
  ],
];

const BAD: readonly (readonly [invariant: Invariant, title: string, Story])[] = [
  ['I1', 'a state that nobody sends', story().write('one').quiet()],
  ['I1', 'a change that nobody sends', story().handled().write('two').quiet()],
  [
    'I1',
    'a state that comes back after another one was sent',
    story().handled().write('two').wait(100).call('updated').end('fail').write('one').quiet(),
  ],
  [
    'I1',
    'attempts that are used up in silence',
    story().write('one').wait(100).call('created').end('fail', { permanent: true }).quiet(),
  ],
  ['I1', 'a call that never ends', story().write('one').wait(100).call('created').quiet()],
  [
    'I2',
    'two calls for one name',
    story().write('one').wait(100).call('created').wait(200).write('two').wait(100).call('created'),
  ],
  [
    'I2',
    'an epoch that goes back',
    story()
      .write('one')
      .wait(100)
      .call('created', { epoch: 2 })
      .end()
      .write('two')
      .wait(200)
      .call('updated', { epoch: 1 }),
  ],
  [
    'I3',
    'an older state after a newer one',
    story()
      .handled()
      .write('two')
      .wait(200)
      .call('updated')
      .end()
      .write('three')
      .wait(200)
      .call('updated', { rv: '101' }),
  ],
  [
    'I3',
    'an older state than was acknowledged before a crash',
    story().handled().write('two').wait(200).call('updated').end().restart().call('updated', { rv: '101' }),
  ],
  [
    'I3',
    'an older state than the watch has told',
    story()
      .write('one')
      .write('two')
      .add({ fact: 'told', process: 1, trigger: 'shop/app', uid: 'a-1', rv: '102', type: 'Modified' })
      .wait(100)
      .call('created', { rv: '101' }),
  ],
  [
    'I1',
    'a requeue that never comes',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('success', { requeueAfterMs: 5000 })
      .wait(10_000)
      .quiet(),
  ],
  [
    'I1',
    'a requeue that a crash ended and nobody made again',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('success', { requeueAfterMs: 5000 })
      .wait(5000)
      .call('updated', { reason: 'Requeue' })
      .restart()
      .quiet(),
  ],
  [
    'I7',
    'a target that fails and is asked again at once',
    story().write('one').wait(100).call('created').end('fail', { blame: 'target' }).wait(10).call('created'),
  ],
  ['I4', 'the same again', story().handled().wait(200).call('updated')],
  [
    'I4',
    'the same again after an own write',
    story().handled().write('two', { by: 'shop/app' }).wait(200).call('updated'),
  ],
  [
    'I4',
    'an event type that is not asked for',
    story({ eventTypes: ['Created'] })
      .handled()
      .write('two')
      .wait(200)
      .call('updated'),
  ],
  [
    'I4',
    'a call while the trigger is suspended',
    story({ suspended: true }).write('one').wait(100).call('created'),
  ],
  ['I4', 'a resync that nobody asked for', story().handled().wait(500).call('updated', { reason: 'Resync' })],
  [
    'I4',
    'a requeue that nobody asked for',
    story().handled().wait(500).call('updated', { reason: 'Requeue' }),
  ],
  [
    'I4',
    'a requeue before its time',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('success', { requeueAfterMs: 5000 })
      .wait(1000)
      .call('updated', { reason: 'Requeue' }),
  ],
  ['I5', 'an end that is not told', story().handled().gone().quiet()],
  ['I5', 'an end that is not told after a crash', story().handled().quiet().gone().restart().quiet()],
  ['I5', 'leaving the selection that is not told', story().handled().write(undefined).quiet()],
  [
    'I5',
    'a finalizer that goes too early',
    story({ finalizer: true })
      .write('one', { held: ['shop/app'] })
      .wait(100)
      .call('created')
      .end()
      .write('one', { held: ['shop/app'], deleting: true })
      .call('deleted')
      .end('fail')
      .gone(),
  ],
  [
    'I5',
    'a call for an object that nothing holds yet',
    story({ finalizer: true }).write('one', { held: [] }).wait(100).call('created'),
  ],
  [
    'I5',
    'a finalizer that is gone although the end was given up',
    story({ finalizer: true })
      .write('one', { held: ['shop/app'] })
      .wait(100)
      .call('created')
      .end()
      .write('one', { held: ['shop/app'], deleting: true })
      .call('deleted')
      .end('fail', { permanent: true })
      .add({ fact: 'given-up', trigger: 'shop/app', uid: 'a-1' })
      .write('one', { held: [], deleting: true }),
  ],
  [
    'I5',
    'an object that stays held for ever',
    story({ finalizer: true })
      .write('one', { held: ['shop/app'] })
      .wait(100)
      .call('created')
      .end()
      .write('one', { held: ['shop/app'], deleting: true })
      .call('deleted')
      .end()
      .quiet(),
  ],
  [
    'I4',
    'what `when` holds back',
    story()
      .write('one', { closed: ['shop/app'] })
      .wait(100)
      .call('created'),
  ],
  [
    'I1',
    'an object that is not sent again in time',
    story({ resyncs: true, resyncMs: 10_000 }).handled().wait(100_000).quiet(),
  ],
  ['I6', 'an update of what was never created', story().write('one').wait(100).call('updated')],
  ['I6', 'a creation twice', story().handled().write('two').wait(200).call('created')],
  [
    'I6',
    'the next life before the end of the last',
    story().handled().gone().write('one', {}, 'a-2').wait(200).call('created', { uid: 'a-2' }),
  ],
  ['I6', 'an object that never was', story().call('created', { uid: 'b-7' })],
  [
    'I6',
    'the status of one life on another',
    story().handled().gone().write('one', {}, 'a-2').call('deleted').end().status('a-1:101', 'a-2'),
  ],
  [
    'I7',
    'a retry without backoff',
    story().write('one').wait(100).call('created').end('fail').wait(100).call('created', { attempt: 2 }),
  ],
  [
    'I7',
    'a retry before the function asked for it',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('fail', { retryAfterMs: 5000 })
      .wait(1000)
      .call('created', { attempt: 2 }),
  ],
  [
    'I7',
    'a retry after a failure for good',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('fail', { permanent: true })
      .wait(9000)
      .call('created', { attempt: 2 }),
  ],
  ['I7', 'more attempts than allowed', story().write('one').wait(100).call('created', { attempt: 4 })],
  [
    'I7',
    'an attempt after it was given up',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('fail')
      .add({ fact: 'given-up', trigger: 'shop/app', uid: 'a-1' })
      .wait(9000)
      .call('created', { attempt: 2 }),
  ],
  [
    'I8',
    'more waiting than there is',
    story().add({ fact: 'holds', process: 1, trigger: 'shop/app', objects: 1, waiting: 2 }),
  ],
  [
    'I9',
    'a change that waits for another object',
    story()
      .write('one')
      .write('b', { name: 'shop/b' }, 'b-1')
      .wait(100)
      .call('created', { uid: 'b-1', name: 'shop/b' })
      .wait(20_000)
      .call('created', { rv: '101' }),
  ],
  ['I10', 'a change that waits for nothing', story().write('one').wait(20_000).call('created')],
  ['I10', 'a change that does not wait for quiet', story().handled().write('two').wait(20).call('updated')],
  [
    'I11',
    'a status that no call has come to',
    story().write('one').wait(100).call('created').status('a-1:101'),
  ],
  ['I11', 'a status of an event that was never sent', story().handled().status('a-1:77')],
  [
    'I11',
    'a status of an older state',
    story().handled().write('two').wait(200).call('updated').end().status('a-1:102').status('a-1:101'),
  ],
  [
    'I12',
    'other bytes than there were',
    story().write('one', { body: 'x' }).wait(100).call('created', { body: 'y' }),
  ],
  ['I13', 'a secret in a log', story().add({ fact: 'leak', where: 'a log' })],
  [
    'I4',
    'the same twice after one crash',
    story().handled().wait(500).restart().call('created').end().wait(500).call('updated'),
  ],
  [
    'I14',
    'the same again after a restart in peace',
    story().handled().quiet().restart('stop').wait(50).call('updated'),
  ],
  [
    'I14',
    'one id for two states',
    story().handled().write('two').wait(200).call('updated', { id: 'a-1:101' }),
  ],
  [
    'I14',
    'another id for the second attempt',
    story()
      .write('one')
      .wait(100)
      .call('created')
      .end('fail')
      .wait(2000)
      .call('created', { attempt: 2, id: 'a-1:x' }),
  ],
  [
    'I15',
    'a call while it ends',
    story().write('one').wait(100).add({ fact: 'drain', process: 1 }).call('created'),
  ],
  [
    'I15',
    'a call after the end',
    story().write('one').wait(100).add({ fact: 'crash', process: 1 }).call('created'),
  ],
  [
    'I16',
    'a status that was lost',
    story().write('one').wait(100).call('created').end('success', { states: true }).quiet(),
  ],
];

describe('The checker of histories', () => {
  for (const [title, { facts }] of GOOD) {
    it(`passes ${title}`, () => assert.deepEqual(checkHistory(facts).map(describeViolation), []));
  }

  for (const [invariant, title, { facts }] of BAD) {
    it(`finds by ${invariant} ${title}`, () => {
      const found = checkHistory(facts);
      assert.deepEqual([...new Set(found.map((violation) => violation.invariant))], [invariant]);
      assert.ok(found.every((violation) => violation.facts.length > 0));
    });
  }

  it('has a bad history for every invariant', () => {
    const tried = new Set(BAD.map(([invariant]) => invariant));
    assert.deepEqual(
      Array.from({ length: 16 }, (_, index) => `I${index + 1}`).filter(
        (name) => !tried.has(name as Invariant),
      ),
      [],
    );
  });
});

describe('A history', () => {
  it('is JSON lines that can be read and checked again', () => {
    const seen: string[] = [];
    const history = new History({ onViolation: ({ invariant }) => seen.push(invariant) });
    for (const fact of story().handled().wait(500).call('updated').facts) history.record(fact);
    assert.deepEqual(seen, ['I4']);
    assert.deepEqual(checkHistory(readHistory(history.text())), history.violations);
  });

  it('keeps the last facts only where it is told to', () => {
    const history = new History({ keep: 2 });
    for (const fact of story().handled().facts) history.record(fact);
    assert.deepEqual(
      history.facts.map(({ fact }) => fact),
      ['call', 'end'],
    );
  });
});
