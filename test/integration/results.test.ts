/** What comes of a result, and that our own writes fire nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { startBench, widgetCrd } from '../support/widgets.ts';

interface Widget {
  readonly metadata: {
    readonly generation: number;
    readonly managedFields: readonly { readonly manager: string }[];
  };
  readonly spec: { readonly size?: number; readonly tier?: string };
  readonly status?: {
    readonly phase?: string;
    readonly count?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime?: string;
    }[];
  };
}

const ready = { type: 'Ready', status: 'True', reason: 'Available', message: 'all there' } as const;
const result = (rest: object): { body: object } => ({
  body: { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult', ...rest },
});

describe('a status in the result', () => {
  it('lands with conditions and observedGeneration, and fires nothing even where any change counts', async (t) => {
    const bench = await startBench(t);
    bench.host.answer = () => result({ status: { phase: 'Ready', count: 3 }, conditions: [ready] });
    await bench.trigger({ spec: { changes: ['Any'] } });
    await bench.widgets({ name: 'one', spec: { size: 1 } });
    const { status, metadata } = await eventually('the status', async () => {
      const widget = await bench.get<Widget>('widget', 'one');
      return widget.status?.phase === 'Ready' ? widget : undefined;
    });
    assert.equal(status?.count, 3);
    assert.equal(status.observedGeneration, metadata.generation);
    assert.equal(status.conditions?.[0]?.type, 'Ready');
    assert.match(status.conditions[0].lastTransitionTime ?? '', /^\d{4}-.*Z$/);
    assert.ok(metadata.managedFields.some(({ manager }) => manager === 'statewire/widget'));
    await quietFor(1000);
    assert.equal(bench.host.calls.length, 1);
    assert.equal(await bench.forwarder.metric('statewire_filtered_total', { reason: 'own-write' }), 1);
  });

  it('goes on saying which generation it is about where the next one is answered with nothing', async (t) => {
    const bench = await startBench(t);
    bench.host.answer = ({ type }) => (type === 'created' ? result({ status: { phase: 'Ready' } }) : {});
    await bench.trigger();
    await bench.widgets({ name: 'one', spec: { size: 1 } });
    const phase = async (): Promise<Widget | undefined> => {
      const widget = await bench.get<Widget>('widget', 'one');
      return widget.status?.phase === 'Ready' ? widget : undefined;
    };
    const first = await eventually('the status', phase);
    await bench.widgets({ name: 'one', spec: { size: 2 } });
    await eventually('the update', () => bench.host.calls.length === 2);
    await quietFor(500);
    const second = await phase();
    assert.equal(second?.metadata.generation, first.metadata.generation + 1);
    assert.deepEqual(second?.status, first.status);
  });

  it('takes a field over silently, and leaves what others stated', async (t) => {
    const bench = await startBench(t);
    await bench.trigger({ name: 'early', spec: { suspend: true } });
    await bench.widgets({ name: 'one', spec: { size: 1 } });
    await bench.patch('one', { status: { phase: 'Old', count: 7 } }, { subresource: 'status' });
    bench.host.answer = () => result({ status: { phase: 'New' } });
    await bench.trigger({ name: 'widget', spec: { changes: ['Any'] } });
    await eventually(
      'the phase',
      async () => (await bench.get<Widget>('widget', 'one')).status?.phase === 'New',
    );
    await quietFor(1000);
    assert.equal((await bench.get<Widget>('widget', 'one')).status?.count, 7);
    assert.equal(bench.host.calls.length, 1);
  });

  it('does not hide an edit made by somebody else while the function ran: exactly one more invocation', async (t) => {
    const bench = await startBench(t);
    const gate = Promise.withResolvers<void>();
    bench.host.answer = (call) => ({
      ...result({ status: { phase: `size ${(call.data.object as unknown as Widget).spec.size}` } }),
      ...(call.type === 'created' && { after: gate.promise }),
    });
    await bench.trigger({ spec: { changes: ['Any'] } });
    await bench.widgets({ name: 'one', spec: { size: 1 } });
    await eventually('the call', () => bench.host.calls.length === 1);
    await bench.patch('one', { metadata: { labels: { by: 'somebody' } }, spec: { size: 2 } });
    gate.resolve();
    await eventually(
      'the newest status',
      async () => (await bench.get<Widget>('widget', 'one')).status?.phase === 'size 2',
    );
    await quietFor(1000);
    assert.deepEqual(
      bench.host.calls.map(({ type }) => type),
      ['created', 'updated'],
    );
  });

  it('is removed where it was stated before and is left out now', async (t) => {
    const bench = await startBench(t);
    bench.host.answer = ({ type }) =>
      result(type === 'created' ? { status: { phase: 'A', count: 1 } } : { status: { phase: 'B' } });
    await bench.trigger();
    await bench.widgets({ name: 'one' });
    await eventually('A', async () => (await bench.get<Widget>('widget', 'one')).status?.phase === 'A');
    await bench.patch('one', { spec: { size: 2 } });
    const { status } = await eventually('B', async () => {
      const widget = await bench.get<Widget>('widget', 'one');
      return widget.status?.phase === 'B' ? widget : undefined;
    });
    assert.equal(status?.count, undefined);
  });

  it('lands where the schema does not declare observedGeneration, and names a field that it does not declare', async (t) => {
    const status = { type: 'object', properties: { phase: { type: 'string' } } };
    const bench = await startBench(t, { crd: (group) => widgetCrd(group, { status }) });
    bench.host.answer = () => result({ status: { phase: 'Ready', nonsense: 1 } });
    await bench.trigger();
    await bench.widgets({ name: 'one' });
    await eventually(
      'the status',
      async () => (await bench.get<Widget>('widget', 'one')).status?.phase === 'Ready',
    );
    const condition = await eventually('the condition', async () => {
      const stated = await bench.condition('widget', 'StatusApplied');
      return stated?.status === 'False' ? stated : undefined;
    });
    assert.equal(condition.reason, 'FieldNotDeclared');
    assert.match(condition.message, /status\.nonsense/);
    assert.equal(bench.host.calls.length, 1);
  });

  it('merges conditions into an atomic list of which another manager owns a part', async (t) => {
    const status = {
      type: 'object',
      properties: {
        conditions: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              type: { type: 'string' },
              status: { type: 'string' },
              reason: { type: 'string' },
              message: { type: 'string' },
            },
          },
        },
      },
    };
    const bench = await startBench(t, { crd: (group) => widgetCrd(group, { status }) });
    bench.host.answer = () => result({ conditions: [ready] });
    await bench.trigger({ spec: { suspend: true } });
    await bench.widgets({ name: 'one' });
    await bench.patch(
      'one',
      { status: { conditions: [{ type: 'Other', status: 'False', reason: 'Theirs' }] } },
      { subresource: 'status' },
    );
    await bench.trigger();
    const widget = await eventually('the condition', async () => {
      const now = await bench.get<Widget>('widget', 'one');
      return now.status?.conditions?.some(({ type }) => type === 'Ready') === true ? now : undefined;
    });
    assert.deepEqual(widget.status?.conditions?.map(({ type }) => type).toSorted(), ['Other', 'Ready']);
    assert.equal(bench.host.calls.length, 1);
  });
});

describe('a CRD upgrade that adds a default', () => {
  it('fires nothing', async (t) => {
    const bench = await startBench(t);
    await bench.trigger();
    await bench.widgets({ name: 'one', spec: { size: 1 } }, { name: 'two', spec: { size: 1 } });
    await eventually('created', () => bench.host.calls.length === 2);
    const spec = {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { tier: { type: 'string', default: 'silver' }, size: { type: 'integer', format: 'int64' } },
    };
    await bench.applyCrd(widgetCrd(bench.group, { spec }));
    await bench.patch('two', { metadata: { labels: { touched: 'yes' } } });
    await eventually(
      'the default',
      async () => (await bench.get<Widget>('widget', 'one')).spec.tier === 'silver',
    );
    await quietFor(1000);
    assert.equal(bench.host.calls.length, 2);
  });
});
