/** What an edit of the trigger makes of the records that it finds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { begin, fail, invalidate, succeed } from '../../../forwarder/filter/delivery.ts';
import { needsDelivery, type Rules } from '../../../forwarder/filter/rules.ts';
import { changes, type Draft, fields, rules } from './objects.ts';
import { AT_FIRST, gate, handled, met, reasonOf } from './records.ts';

describe('An edited trigger', () => {
  const edits: readonly {
    reason: string;
    from: Rules['recipe'];
    to: Rules['recipe'];
    meanwhile?: Draft;
    said: string;
  }[] = [
    {
      reason: 'does not send a handled object again where more counts',
      from: changes('Spec'),
      to: changes('Spec', 'Labels', 'Status'),
      said: 'unchanged',
    },
    {
      reason: 'does not send a handled object again where less counts',
      from: changes('Spec', 'Status'),
      to: changes('Status'),
      said: 'unchanged',
    },
    {
      reason: 'does not send a handled object again where other things count',
      from: changes('Labels'),
      to: fields('spec.a'),
      said: 'unchanged',
    },
    {
      reason: 'does not send what has changed where that did not count',
      from: changes('Spec'),
      to: changes('Spec', 'Labels'),
      meanwhile: { rv: 6, metadata: { labels: { l: '2' } } },
      said: 'unchanged',
    },
    {
      reason: 'does not send what has changed where that counts no more',
      from: changes('Spec', 'Labels'),
      to: changes('Spec'),
      meanwhile: { rv: 6, metadata: { labels: { l: '2' } } },
      said: 'unchanged',
    },
    {
      reason: 'does not take a new default in the CRD for a change',
      from: changes('Spec'),
      to: changes('Spec', 'Labels'),
      meanwhile: { rv: 6, spec: { a: 1, added: 'default' } },
      said: 'unchanged',
    },
    {
      reason: 'sends what has changed meanwhile by what counted and counts',
      from: changes('Spec', 'Labels'),
      to: changes('Spec', 'Status'),
      meanwhile: { rv: 6, generation: 2, spec: { a: 2 } },
      said: 'pass',
    },
  ];
  for (const { reason, from, to, meanwhile = {}, said } of edits) {
    it(reason, () => {
      const { record } = handled({ recipe: from });
      invalidate(record);
      assert.equal(reasonOf(record, meanwhile, rules({ recipe: to })), said);
    });
  }

  it('goes on with a state that is not handled yet, under a name that fits what counts now', () => {
    const { record } = met();
    invalidate(record);
    const by = rules({ recipe: changes('Spec', 'Status'), versionBy: 'resourceVersion' });
    assert.equal(reasonOf(record, {}, by), 'pass');
    assert.equal(record.version, '5');
  });

  it('asks its new when of an object that waits', () => {
    const { record } = met({ when: gate }, { ...AT_FIRST, status: { s: 0 } });
    invalidate(record);
    assert.equal(reasonOf(record, { status: { s: 0 } }, rules()), 'pass');
  });

  it('takes the success of a call that began before the edit', () => {
    const { record } = met();
    const flight = begin(record);
    invalidate(record);
    reasonOf(record, {}, rules({ recipe: changes('Spec', 'Status') }));
    succeed(record, flight);
    assert.equal(needsDelivery(record, rules()), false);
  });
});

describe('An edit while a call has left its mark', () => {
  it('moves a record silently, once updates are not asked for any more', () => {
    const { record, by } = handled();
    reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 } }, by);
    fail(record, begin(record), { attempts: 1, exhausted: false });
    invalidate(record);
    const others = rules({ eventTypes: ['Created', 'Deleted'] });
    assert.equal(reasonOf(record, { rv: 6, generation: 2, spec: { a: 2 } }, others), 'event-type');
    assert.equal(needsDelivery(record, by), false);
  });
});
