/** The checker itself: histories that keep the promises pass, and each that breaks one is caught by name. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Invariant } from '../../support/history/fact.ts';
import { checkHistory, describeViolation } from '../../support/history/history.ts';
import { story, Story, TRIGGER } from '../../support/history/story.ts';

/** The end of an object that is held until it is told. */
const ending = (): Story =>
  story({ finalizer: true })
    .called({}, { held: ['shop/app'] })
    .end()
    .write('one', { held: ['shop/app'], deleting: true })
    .call('deleted');

/** Handled, with a status that is not written yet, while what `when` holds back came. */
const overtaken = (): Story =>
  story()
    .called()
    .write('two', { closed: ['shop/app'] })
    .end('success', { states: true });

/** Handled, with a status that is not written. */
const unstated = (): Story => story().called().end('success', { states: true });

/** Released, and still there. */
const released = (): Story => ending().end().write('one', { held: [], deleting: true }).quiet();

/** It was told, and somebody else still holds the object. */
const dying = (before: Story = story({ finalizer: true })): Story =>
  before
    .called({}, { held: ['shop/app'] })
    .end()
    .write('one', { held: ['shop/app'], deleting: true })
    .call('deleted')
    .end()
    .write('one', { held: [], deleting: true });

/** So many objects are kept, and nothing is left to do. */
const kept = (before: Story, objects: number): Story =>
  before.add({ fact: 'holds', process: 1, trigger: 'shop/app', objects, waiting: 0, settled: true });

const GOOD: readonly (readonly [title: string, Story])[] = [
  ['a state that is handled', story().handled().quiet()],
  [
    'two states of an object that has left the selection, and nobody has heard of it',
    story()
      .handled()
      .write(undefined)
      .wait(200)
      .call('updated')
      .end()
      .write(undefined)
      .wait(200)
      .call('updated')
      .end(),
  ],
  [
    'an end that waits in a suspended trigger, though what was known of it was lost',
    story()
      .handled()
      .add({ ...TRIGGER, suspended: true })
      .add({ fact: 'checkpoint-lost', trigger: 'shop/app' })
      .gone()
      .quiet()
      .add({ fact: 'holds', process: 1, trigger: 'shop/app', objects: 1, waiting: 1 }),
  ],
  ['an object that is kept while it is there', kept(story().handled(), 1).quiet()],
  [
    'an object that is kept because its end was given up',
    kept(
      story({ maxAttempts: 1 })
        .handled()
        .gone()
        .wait(200)
        .call('deleted')
        .end('fail')
        .add({ fact: 'given-up', trigger: 'shop/app', uid: 'a-1' }),
      1,
    ),
  ],
  [
    'an object that is forgotten with its end',
    kept(story().handled().gone().wait(200).call('deleted').end(), 0),
  ],
  [
    'a change, and the end',
    story().handled().write('two').wait(100).call('updated').end().gone().call('deleted').end().quiet(),
  ],
  ['a state that comes and goes within the quiet time', story().handled().write('two').write('one').quiet()],
  [
    'a retry after its backoff',
    story().called().end('fail').wait(800).call('created', { attempt: 2 }).end().quiet(),
  ],
  [
    'attempts that are used up where somebody can see it',
    story({ maxAttempts: 1 })
      .called()
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
    'an end that is told once more when the object goes, long after a crash',
    dying().wait(500).restart().quiet().quiet().gone().call('deleted').end().quiet(),
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
    story().called({ deadlineMs: 200 }).wait(1200).call('created', { attempt: 2 }).wait(10).end().quiet(),
  ],
  ['a status that was lost in a crash, of what is held back now', overtaken().restart().quiet()],
  [
    'a status that was lost in a crash, while it is suspended',
    unstated()
      .add({ ...TRIGGER, suspended: true })
      .restart()
      .quiet(),
  ],
  [
    'a status that was lost in a crash, of what is being deleted',
    unstated().write('one', { deleting: true }).restart().quiet(),
  ],
  [
    'the end once more, of what was still there when that it was told was lost',
    released()
      .add({ fact: 'checkpoint-lost', trigger: 'shop/app' })
      .restart()
      .quiet()
      .gone()
      .call('deleted')
      .end()
      .quiet(),
  ],
  ['the own write of a field that counts', story().handled().write('two', { by: 'shop/app' }).quiet()],
  [
    'an edit of what counts',
    story()
      .handled()
      .add({ ...TRIGGER, quietMs: 50 })
      .recount('other')
      .quiet(),
  ],
  [
    'the name of a state again, after more has counted for a while',
    story()
      .called({ id: 'a-1:g1' })
      .end()
      .recount('one and red')
      .write('one and blue')
      .wait(200)
      .call('updated')
      .end()
      .quiet()
      .recount('one')
      .add({ fact: 'checkpoint-lost', trigger: 'shop/app' })
      .restart()
      .wait(50)
      .call('created', { id: 'a-1:g1' })
      .end()
      .quiet(),
  ],
  [
    'leaving the selection, and coming back',
    story().handled().write(undefined).call('deleted').end().wait(200).called().end().quiet(),
  ],
  [
    'a requeue that was asked for',
    story()
      .called()
      .end('success', { requeueAfterMs: 1000 })
      .wait(1000)
      .call('updated', { reason: 'Requeue' })
      .end()
      .quiet(),
  ],
  [
    'a requeue that a restart brings forward to its second, and its second attempt',
    story()
      .called()
      .end('success', { requeueAfterMs: 90_800 })
      .quiet()
      .restart()
      .wait(30_000)
      .call('updated', { reason: 'Requeue', id: 'a-1:101:t1' })
      .end('fail')
      .wait(600)
      .call('updated', { reason: 'Requeue', id: 'a-1:101:t1', attempt: 2 })
      .end()
      .quiet(),
  ],
  [
    'what waited when the third object in a row is out of time and another answers',
    story({ concurrency: 4 })
      .write('one', { name: 'shop/a1' }, 'a-1')
      .write('one', { name: 'shop/a2' }, 'a-2')
      .write('one', { name: 'shop/a3' }, 'a-3')
      .wait(100)
      .call('created', { uid: 'a-1', name: 'shop/a1', rv: '101', deadlineMs: 1000 })
      .call('created', { uid: 'a-2', name: 'shop/a2', rv: '102', deadlineMs: 1100 })
      .call('created', { uid: 'a-3', name: 'shop/a3', rv: '103', deadlineMs: 1200 })
      .wait(1090)
      .call('created', { uid: 'a-1', name: 'shop/a1', rv: '101', attempt: 2 })
      .wait(100)
      .end('fail', { retryAfterMs: 6000 })
      .wait(1000)
      .call('created', { uid: 'a-2', name: 'shop/a2', rv: '102' })
      .end()
      .call('created', { uid: 'a-3', name: 'shop/a3', rv: '103' })
      .end()
      .call('created', { uid: 'a-1', name: 'shop/a1', rv: '101', attempt: 2 })
      .end()
      .quiet(),
  ],
  [
    'a status that says what a call has come to',
    story().called().end('success', { states: true }).status('a-1:101').quiet(),
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
  ['I1', 'attempts that are used up in silence', story().called().end('fail', { permanent: true }).quiet()],
  ['I1', 'a call that never ends', story().called().quiet()],
  ['I2', 'two calls for one name', story().called().wait(200).write('two').wait(100).call('created')],
  ['I2', 'an epoch that goes back', story().called({ epoch: 2 }).end().changed({ epoch: 1 })],
  [
    'I3',
    'an older state after a newer one',
    story().handled().changed().end().write('three').wait(200).call('updated', { rv: '101' }),
  ],
  [
    'I3',
    'an older state than was acknowledged before a crash',
    story().handled().changed().end().restart().call('updated', { rv: '101' }),
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
    story().called().end('success', { requeueAfterMs: 5000 }).wait(10_000).quiet(),
  ],
  [
    'I1',
    'a requeue that a crash ended and nobody made again',
    story()
      .called()
      .end('success', { requeueAfterMs: 5000 })
      .wait(5000)
      .call('updated', { reason: 'Requeue' })
      .restart()
      .quiet(),
  ],
  [
    'I7',
    'a target that fails and is asked again at once',
    story().called().end('fail', { blame: 'target' }).wait(10).call('created'),
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
      .changed(),
  ],
  ['I4', 'a call while the trigger is suspended', story({ suspended: true }).called()],
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
      .called()
      .end('success', { requeueAfterMs: 5000 })
      .wait(1000)
      .call('updated', { reason: 'Requeue' }),
  ],
  ['I5', 'an end that is not told', story().handled().gone().quiet()],
  ['I5', 'an end that is not told after a crash', story().handled().quiet().gone().restart().quiet()],
  ['I5', 'leaving the selection that is not told', story().handled().write(undefined).quiet()],
  ['I5', 'a finalizer that goes too early', ending().end('fail').gone()],
  ['I5', 'a call for an object that nothing holds yet', story({ finalizer: true }).called({}, { held: [] })],
  [
    'I5',
    'a finalizer that is gone although the end was given up',
    ending()
      .end('fail', { permanent: true })
      .add({ fact: 'given-up', trigger: 'shop/app', uid: 'a-1' })
      .write('one', { held: [], deleting: true }),
  ],
  ['I5', 'an object that stays held for ever', ending().end().quiet()],
  ['I4', 'what `when` holds back', story().called({}, { closed: ['shop/app'] })],
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
  ['I7', 'a retry without backoff', story().called().end('fail').wait(100).call('created', { attempt: 2 })],
  [
    'I7',
    'a retry before the function asked for it',
    story().called().end('fail', { retryAfterMs: 5000 }).wait(1000).call('created', { attempt: 2 }),
  ],
  [
    'I7',
    'a retry after a failure for good',
    story().called().end('fail', { permanent: true }).wait(9000).call('created', { attempt: 2 }),
  ],
  ['I7', 'more attempts than allowed', story().called({ attempt: 4 })],
  [
    'I7',
    'an attempt after it was given up',
    story()
      .called()
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
    'I8',
    'an object that is kept after its end was told',
    kept(story().handled().gone().wait(200).call('deleted').end(), 1),
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
  ['I11', 'a status that no call has come to', story().called().status('a-1:101')],
  ['I11', 'a status of an event that was never sent', story().handled().status('a-1:77')],
  [
    'I11',
    'a status of an older state',
    story().handled().changed().end().status('a-1:102').status('a-1:101'),
  ],
  ['I12', 'other bytes than there were', story().called({ body: 'y' }, { body: 'x' })],
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
    'the end once more, though nothing was lost',
    released().restart('stop').gone().call('deleted').end().quiet(),
  ],
  [
    'I14',
    'an end that is told again although it was written down before the crash',
    dying().quiet().restart().gone().call('deleted'),
  ],
  [
    'I4',
    'an end that is told again for a crash from before it',
    dying(story({ finalizer: true }).write('one').restart())
      .quiet()
      .gone()
      .call('deleted'),
  ],
  [
    'I4',
    'an end that is told twice more after one crash',
    dying().wait(500).restart().quiet().gone().call('deleted').end().call('deleted'),
  ],
  ['I14', 'one id for two states', story().handled().changed({ id: 'a-1:101' })],
  [
    'I14',
    'one id for two states, of which the first is measured anew',
    story().handled().recount('other').changed({ id: 'a-1:101' }),
  ],
  [
    'I14',
    'another id for the second attempt',
    story().called().end('fail').wait(2000).call('created', { attempt: 2, id: 'a-1:x' }),
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
  ['I16', 'a status that was lost', unstated().quiet()],
  [
    'I16',
    'a status that was lost in peace, while it is suspended',
    unstated()
      .add({ ...TRIGGER, suspended: true })
      .quiet(),
  ],
  ['I16', 'a status that was lost in peace, of what is held back now', overtaken().quiet()],
  ['I16', 'a status that was lost in an end in order', overtaken().restart('stop').quiet()],
  [
    'I16',
    'a status that was lost in a crash, and not stated when nothing held it back any more',
    overtaken().restart().write('one').quiet(),
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
