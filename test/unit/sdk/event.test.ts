import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEvent } from '../../../functions/sdk/event.ts';
import { functionEvent, widget } from '../../support/function-events.ts';

describe('readEvent', () => {
  it('keeps everything of an event, known to it or not', () => {
    const event = { ...functionEvent(), extra: 'x', data: { ...functionEvent().data, more: [1] } };
    assert.deepEqual(readEvent(event), event);
  });

  it('takes an event without the attributes that only inform', () => {
    const { specversion, id, source, type, trigger, data } = functionEvent();
    assert.deepEqual(readEvent({ specversion, id, source, type, trigger, data }).trigger, 'demo/widgets');
  });

  const valid = functionEvent();
  const rows: readonly { reason: string; given: unknown; status: 400 | 422; message: RegExp }[] = [
    { reason: 'nothing', given: undefined, status: 400, message: /not a CloudEvent/ },
    { reason: 'a text', given: 'hello', status: 400, message: /not a CloudEvent/ },
    { reason: 'an array', given: [valid], status: 400, message: /not a CloudEvent/ },
    {
      reason: 'another specversion',
      given: { ...valid, specversion: '0.3' },
      status: 400,
      message: /specversion/,
    },
    { reason: 'no id', given: { ...valid, id: undefined }, status: 400, message: /id: / },
    { reason: 'an empty source', given: { ...valid, source: '' }, status: 400, message: /source: / },
    {
      reason: "somebody else's type",
      given: { ...valid, type: 'com.github.push' },
      status: 422,
      message: /com\.github\.push/,
    },
    {
      reason: 'a name that every object inherits as its type',
      given: { ...valid, type: 'constructor' },
      status: 422,
      message: /constructor/,
    },
    { reason: 'no trigger', given: { ...valid, trigger: undefined }, status: 422, message: /trigger: / },
    {
      reason: 'attempt 0',
      given: { ...valid, statewireattempt: '0' },
      status: 422,
      message: /statewireattempt: /,
    },
    { reason: 'no data', given: { ...valid, data: undefined }, status: 422, message: /data: / },
    {
      reason: 'an object without a uid',
      given: functionEvent({ object: { ...widget({}), metadata: { name: 'web' } } }),
      status: 422,
      message: /data\.object\.metadata\.uid: /,
    },
    {
      reason: 'children that are a list',
      given: functionEvent({ data: { children: [] as never } }),
      status: 422,
      message: /data\.children: /,
    },
  ];
  for (const { reason, given, status, message } of rows) {
    it(`refuses ${reason} with ${status}, and names it in one line`, () => {
      assert.throws(() => readEvent(given), { name: 'EventError', status, message });
      assert.throws(
        () => readEvent(given),
        (error: Error) => !error.message.includes('\n'),
      );
    });
  }
});
