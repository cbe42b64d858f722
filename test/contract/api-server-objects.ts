/** Creating, reading, changing and deleting objects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crd, type ApiWorld } from '../support/api-world.ts';
import type { Loose } from '../support/api-under-test.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

export function objectContract(world: () => ApiWorld): void {
  describe('objects', () => {
    it('get an identity, a version and generation 1 when they are created', async () => {
      const widgets = await world().collection();
      const { status, body } = await widgets.post('a', { spec: { size: 1 }, status: { phase: 'x' } });
      assert.equal(status, 201);
      assert.equal(body.metadata.generation, 1);
      assert.match(body.metadata.uid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.match(body.metadata.resourceVersion, /^\d+$/);
      assert.match(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.equal(body.metadata.namespace, widgets.namespace);
    });

    it('are created without the status that only the subresource may write', async () => {
      const widgets = await world().collection();
      assert.equal((await widgets.make('a', { status: { phase: 'x' } })).status, undefined);
      const plains = await world().collection('plains');
      assert.deepEqual((await plains.make('a', { status: { phase: 'x' } })).status, { phase: 'x' });
    });

    it('lose undeclared fields and gain defaults', async () => {
      const widgets = await world().collection();
      const { spec } = await widgets.make('a', { spec: { size: 1, odd: 2, free: { odd: 3 } }, other: 4 });
      assert.deepEqual(spec, { size: 1, color: 'grey', free: { odd: 3 } });
    });

    it('keep every digit of an integer', async () => {
      const widgets = await world().collection();
      const body = `{"apiVersion":"contract.example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"big":9007199254740993}}`;
      assert.equal((await widgets.api.ask('POST', widgets.path, { body })).status, 201);
      await widgets.merge('a', { spec: { size: 2 } });
      // The digits as JSON.parse rounds them would read as 9007199254740992.
      assert.deepEqual((await widgets.json('a', [{ op: 'test', path: '/spec/size', value: 2 }])).status, 200);
      const { status } = await widgets.api.ask('PATCH', `${widgets.path}/a`, {
        body: '[{"op":"test","path":"/spec/big","value":9007199254740993}]',
        type: 'application/json-patch+json',
      });
      assert.equal(status, 200);
    });

    it('are named by the server where only a beginning is given', async () => {
      const widgets = await world().collection();
      const body = {
        apiVersion: 'contract.example.com/v1',
        kind: 'Widget',
        metadata: { generateName: 'w-' },
      };
      const made = await widgets.api.ask('POST', widgets.path, { body });
      assert.match(made.body.metadata.name, /^w-[a-z0-9]{5}$/);
    });

    for (const { reason, rest, name, expected } of [
      { reason: 'a wrong type', name: 'a', rest: { spec: { size: 'many' } }, expected: 'spec.size' },
      { reason: 'a number out of range', name: 'a', rest: { spec: { size: -1 } }, expected: 'spec.size' },
      {
        reason: 'a value that is not listed',
        name: 'a',
        rest: { spec: { tier: 'tin' } },
        expected: 'spec.tier',
      },
      { reason: 'a name that is none', name: 'A_b', rest: {}, expected: 'metadata.name' },
    ]) {
      it(`are refused with 422 for ${reason}`, async () => {
        const widgets = await world().collection();
        const { status, body } = await widgets.post(name, rest);
        assert.equal(status, 422);
        assert.equal(body.reason, 'Invalid');
        assert.deepEqual(
          body.details.causes.map((cause: Loose) => cause.field),
          [expected],
        );
      });
    }

    it('are created once', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const { status, body } = await widgets.post('a');
      assert.deepEqual([status, body.reason], [409, 'AlreadyExists']);
    });

    it('are created in a namespace that exists', async () => {
      const widgets = await world().collection();
      const elsewhere = widgets.path.replace(widgets.namespace, 'nowhere');
      const { status, body } = await widgets.api.ask('POST', elsewhere, { body: widgets.object('a') });
      assert.deepEqual([status, body.details.name, body.details.kind], [404, 'nowhere', 'namespaces']);
    });

    it('are 404 where there are none, and so are resources', async () => {
      const widgets = await world().collection();
      const { status, body } = await widgets.get('none');
      assert.deepEqual(
        [status, body.kind, body.status, body.reason, body.details.name],
        [404, 'Status', 'Failure', 'NotFound', 'none'],
      );
      assert.equal((await widgets.api.ask('GET', '/apis/contract.example.com/v1/nothings')).status, 404);
      assert.equal((await widgets.api.ask('GET', '/apis/nobody.example.com/v1/widgets')).status, 404);
    });

    it('keep their version where an update changes nothing', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a', { spec: { size: 1 } });
      const { body } = await widgets.put('a', made);
      assert.equal(body.metadata.resourceVersion, made.metadata.resourceVersion);
      const merged = await widgets.merge('a', { spec: { size: 1 } });
      assert.equal(merged.body.metadata.resourceVersion, made.metadata.resourceVersion);
    });

    it('raise generation by the spec alone', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const generation = async (patch: Loose): Promise<number> =>
        (await widgets.merge('a', patch)).body.metadata.generation;
      assert.equal(await generation({ metadata: { labels: { a: 'b' } } }), 1);
      assert.equal(await generation({ spec: { size: 2 } }), 2);
      assert.equal(await generation({ status: { phase: 'x' } }), 2);
      await widgets.merge('a/status', { status: { phase: 'x' } });
      assert.equal((await widgets.get('a')).body.metadata.generation, 2);
    });

    it('without status subresource raise generation by the status too', async () => {
      const plains = await world().collection('plains');
      await plains.make('a', { spec: { size: 1 } });
      const spec = (await plains.merge('a', { spec: { size: 2 } })).body.metadata.generation;
      const status = (await plains.merge('a', { status: { phase: 'x' } })).body.metadata.generation;
      assert.deepEqual([spec, status], [2, 3]);
      assert.equal((await plains.merge('a/status', { status: { phase: 'y' } })).status, 404);
    });

    it('are replaced only by whoever knows the newest version', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a', { spec: { size: 1 } });
      await widgets.merge('a', { spec: { size: 2 } });
      const { status, body } = await widgets.put('a', { ...made, spec: { size: 3 } });
      assert.deepEqual([status, body.reason], [409, 'Conflict']);
      const { resourceVersion: _version, ...metadata } = made.metadata;
      assert.equal((await widgets.put('a', { ...made, metadata })).status, 422);
    });

    it('are not replaced under another uid', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a');
      const other = { ...made, metadata: { ...made.metadata, uid: UNKNOWN } };
      assert.equal((await widgets.put('a', other)).status, 409);
    });

    it('built in are replaced without a version too', async () => {
      const maps = await world().collection('configmaps');
      await maps.make('a', { data: { key: '1' } });
      const { status, body } = await maps.put('a', maps.object('a', { data: { key: '2' } }));
      assert.deepEqual([status, body.data], [200, { key: '2' }]);
    });

    it('built in have no generation', async () => {
      const maps = await world().collection('configmaps');
      assert.equal((await maps.make('a', { data: { key: '1' } })).metadata.generation, undefined);
    });

    it('take a merge patch, in which null removes', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1, tier: 'gold', labels: { x: '1', y: '2' } } });
      const { body } = await widgets.merge('a', { spec: { tier: null, labels: { x: null, z: '3' } } });
      assert.deepEqual(body.spec, { size: 1, color: 'grey', labels: { y: '2', z: '3' } });
    });

    it('take a JSON patch whole, or not at all', async () => {
      const widgets = await world().collection();
      const { metadata } = await widgets.make('a', { spec: { size: 1, list: ['x', 'y'] } });
      const good = await widgets.json('a', [
        { op: 'test', path: '/metadata/uid', value: metadata.uid },
        { op: 'add', path: '/spec/list/1', value: 'between' },
        { op: 'replace', path: '/spec/size', value: 2 },
        { op: 'remove', path: '/spec/color' },
        { op: 'add', path: '/metadata/annotations', value: { 'a/b': '1' } },
      ]);
      assert.deepEqual(good.body.spec, { size: 2, list: ['x', 'between', 'y'], color: 'grey' });
      const bad = await widgets.json('a', [
        { op: 'replace', path: '/spec/size', value: 3 },
        { op: 'test', path: '/metadata/uid', value: UNKNOWN },
      ]);
      assert.equal(bad.status, 422);
      assert.equal((await widgets.get('a')).body.spec.size, 2);
      assert.equal((await widgets.json('a', [{ op: 'remove', path: '/spec/tier' }])).status, 422);
    });

    it('of one’s own kind take no strategic merge patch', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const type = 'application/strategic-merge-patch+json';
      const { status } = await widgets.api.ask('PATCH', `${widgets.path}/a`, { body: {}, type });
      assert.equal(status, 415);
    });

    it('stay as they are in a dry run', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const { status, body } = await widgets.api.ask('PATCH', `${widgets.path}/a`, {
        query: { dryRun: 'All' },
        body: { spec: { size: 2 } },
        type: 'application/merge-patch+json',
      });
      assert.deepEqual([status, body.spec.size], [200, 2]);
      assert.equal((await widgets.get('a')).body.spec.size, 1);
    });

    it('gain the defaults that their kind is given later, under the version they have', async () => {
      const small = { type: 'object', properties: { size: { type: 'integer' } } };
      const grown = {
        type: 'object',
        properties: { ...small.properties, color: { type: 'string', default: 'red' } },
      };
      const definition = crd({ plural: 'growers', kind: 'Grower', spec: small });
      await world().define(definition);
      const path = '/apis/contract.example.com/v1/namespaces/default/growers';
      const body = {
        apiVersion: 'contract.example.com/v1',
        kind: 'Grower',
        metadata: { name: 'a' },
        spec: { size: 1 },
      };
      const made = await world().api.ask('POST', path, { body });
      const later = crd({ plural: 'growers', kind: 'Grower', spec: grown });
      await world().api.ask('PATCH', world().crdPath('growers'), {
        body: { spec: later.spec },
        type: 'application/merge-patch+json',
      });
      await world().served('growers', (answer) => answer.body.items?.[0]?.spec.color === 'red');
      const { body: read } = await world().api.ask('GET', `${path}/a`);
      const { resourceVersion, generation } = read.metadata;
      assert.deepEqual([resourceVersion, generation], [made.body.metadata.resourceVersion, 1]);
    });
  });

  describe('deletions', () => {
    it('answer with a Status that names the object', async () => {
      const widgets = await world().collection();
      const { metadata } = await widgets.make('a');
      const { status, body } = await widgets.remove('a');
      assert.deepEqual(
        [status, body.kind, body.status, body.details.uid],
        [200, 'Status', 'Success', metadata.uid],
      );
      assert.equal((await widgets.remove('a')).status, 404);
    });

    it('keep to their preconditions', async () => {
      const widgets = await world().collection();
      const { metadata } = await widgets.make('a');
      const under = (preconditions: Loose): Promise<{ status: number }> =>
        widgets.remove('a', { preconditions });
      assert.equal((await under({ uid: UNKNOWN })).status, 409);
      assert.equal((await under({ resourceVersion: '1' })).status, 409);
      const { uid, resourceVersion } = metadata;
      assert.equal((await under({ uid, resourceVersion })).status, 200);
    });

    it('lead to another uid under the same name', async () => {
      const widgets = await world().collection();
      const first = await widgets.make('a');
      await widgets.remove('a');
      const second = await widgets.make('a');
      assert.notEqual(second.metadata.uid, first.metadata.uid);
      assert.equal(second.metadata.generation, 1);
    });

    it('wait for finalizers, and raise generation', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { metadata: { finalizers: ['example.com/hold'] } });
      const { status, body } = await widgets.remove('a');
      assert.equal(status, 200);
      assert.equal(body.kind, 'Widget');
      assert.match(body.metadata.deletionTimestamp, /Z$/);
      assert.deepEqual([body.metadata.generation, body.metadata.deletionGracePeriodSeconds], [2, 0]);
      const again = await widgets.remove('a');
      assert.equal(again.body.metadata.resourceVersion, body.metadata.resourceVersion);
    });

    it('happen when the last finalizer is gone', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { metadata: { finalizers: ['example.com/hold', 'example.com/too'] } });
      await widgets.remove('a');
      assert.equal((await widgets.merge('a', { metadata: { finalizers: ['example.com/too'] } })).status, 200);
      assert.equal((await widgets.get('a')).status, 200);
      assert.equal((await widgets.merge('a', { metadata: { finalizers: null } })).status, 200);
      assert.equal((await widgets.get('a')).status, 404);
    });

    it('let no finalizer be added', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { metadata: { finalizers: ['example.com/hold'] } });
      await widgets.remove('a');
      const more = { metadata: { finalizers: ['example.com/hold', 'example.com/late'] } };
      assert.equal((await widgets.merge('a', more)).status, 422);
    });

    it('take a whole selection', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { metadata: { labels: { go: 'yes' } } });
      await widgets.make('b');
      const query = { labelSelector: 'go=yes' };
      assert.equal((await widgets.api.ask('DELETE', widgets.path, { query })).status, 200);
      assert.deepEqual(await widgets.names(), ['b']);
    });

    it('of a namespace let nothing new into it', async () => {
      const widgets = await world().collection();
      const path = `/api/v1/namespaces/${widgets.namespace}`;
      const { body: namespace } = await widgets.api.ask('DELETE', path);
      assert.deepEqual([namespace.status.phase, namespace.spec.finalizers], ['Terminating', ['kubernetes']]);
      const { status, body } = await widgets.post('a');
      assert.deepEqual(
        [status, body.reason, body.details.causes[0].reason],
        [403, 'Forbidden', 'NamespaceTerminating'],
      );
    });
  });

  describe('lists', () => {
    it('come in the order of names, with the version as of which they hold', async () => {
      const widgets = await world().collection();
      await widgets.make('b');
      const last = await widgets.make('a');
      const { body } = await widgets.list();
      assert.deepEqual([body.kind, body.apiVersion], ['WidgetList', 'contract.example.com/v1']);
      assert.deepEqual(
        body.items.map((item: Loose) => [item.metadata.name, item.kind]),
        [
          ['a', 'Widget'],
          ['b', 'Widget'],
        ],
      );
      assert.ok(Number(body.metadata.resourceVersion) >= Number(last.metadata.resourceVersion));
    });

    it('of built-in kinds leave out what each item is', async () => {
      const maps = await world().collection('configmaps');
      await maps.make('a');
      const { body } = await maps.list({ fieldSelector: 'metadata.name=a' });
      assert.deepEqual(
        [body.kind, body.items[0].kind, body.items[0].apiVersion],
        ['ConfigMapList', undefined, undefined],
      );
    });

    it('reach over all namespaces', async () => {
      const one = await world().collection();
      const two = await world().collection();
      const labels = { reach: one.namespace };
      await one.make('a', { metadata: { labels } });
      await two.make('a', { metadata: { labels } });
      const query = { labelSelector: `reach=${one.namespace}` };
      const { body } = await one.api.ask('GET', '/apis/contract.example.com/v1/widgets', { query });
      const namespaces = new Set(body.items.map((item: Loose) => item.metadata.namespace));
      assert.deepEqual(namespaces, new Set([one.namespace, two.namespace]));
    });

    for (const { selector, names } of [
      { selector: { labelSelector: 'tier=web' }, names: ['a', 'b'] },
      { selector: { labelSelector: 'tier=web,size!=big' }, names: ['b'] },
      { selector: { labelSelector: 'tier in (web, none),size' }, names: ['a'] },
      { selector: { labelSelector: '!tier' }, names: ['c'] },
      { selector: { labelSelector: 'tier notin (web)' }, names: ['c'] },
      { selector: { fieldSelector: 'metadata.name=b' }, names: ['b'] },
      { selector: { fieldSelector: 'spec.tier=gold' }, names: ['a', 'c'] },
      { selector: { fieldSelector: 'spec.tier!=gold' }, names: ['b'] },
      { selector: { fieldSelector: 'spec.tier=gold', labelSelector: 'tier' }, names: ['a'] },
    ]) {
      it(`are limited by ${JSON.stringify(selector)}`, async () => {
        const widgets = await world().collection();
        await widgets.make('a', {
          metadata: { labels: { tier: 'web', size: 'big' } },
          spec: { tier: 'gold' },
        });
        await widgets.make('b', { metadata: { labels: { tier: 'web' } }, spec: { tier: 'silver' } });
        await widgets.make('c', { spec: { tier: 'gold' } });
        assert.deepEqual(await widgets.names(selector), names);
      });
    }

    it('refuse to select by a field that is not selectable', async () => {
      const widgets = await world().collection();
      assert.equal((await widgets.list({ fieldSelector: 'spec.size=1' })).status, 400);
    });

    it('in pages hold as of the first one, whatever changes in between', async () => {
      const widgets = await world().collection();
      for (const name of ['a', 'b', 'c', 'd', 'e']) await widgets.make(name, { spec: { size: 1 } });
      const first = await widgets.list({ limit: '2' });
      assert.equal(first.body.metadata.remainingItemCount, 3);
      await widgets.remove('c');
      await widgets.merge('d', { spec: { size: 9 } });
      await widgets.make('bb');
      const second = await widgets.list({ limit: '2', continue: first.body.metadata.continue });
      const third = await widgets.list({ limit: '2', continue: second.body.metadata.continue });
      const items = [first, second, third].flatMap(({ body }) => body.items);
      assert.deepEqual(
        items.map((item: Loose) => `${item.metadata.name} ${item.spec.size}`),
        ['a 1', 'b 1', 'c 1', 'd 1', 'e 1'],
      );
      assert.equal(third.body.metadata.continue ?? '', '');
      const versions = [first, second, third].map(({ body }) => body.metadata.resourceVersion);
      assert.equal(new Set(versions).size, 1);
    });

    it('tell metadata alone to whoever asks for that', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
      const { body } = await widgets.api.ask('GET', widgets.path, { accept });
      assert.deepEqual([body.kind, body.apiVersion], ['PartialObjectMetadataList', 'meta.k8s.io/v1']);
      assert.deepEqual([body.items[0].metadata.name, body.items[0].spec], ['a', undefined]);
    });

    it('as of a version that is to come are refused with 504 and a time to wait', async () => {
      const widgets = await world().collection();
      const { status, body } = await widgets.list({
        resourceVersion: '900000000',
        resourceVersionMatch: 'NotOlderThan',
      });
      assert.deepEqual([status, body.details.causes[0].reason], [504, 'ResourceVersionTooLarge']);
      assert.equal(body.details.retryAfterSeconds, 1);
    });
  });

  describe('discovery', () => {
    it('names kinds with their scope, verbs and subresources', async () => {
      const { body } = await world().api.ask('GET', '/apis/contract.example.com/v1');
      const widgets = body.resources.find(({ name }: Loose) => name === 'widgets');
      assert.deepEqual([widgets.kind, widgets.namespaced], ['Widget', true]);
      for (const verb of ['list', 'watch', 'patch']) assert.ok(widgets.verbs.includes(verb));
      const names = new Set(body.resources.map(({ name }: Loose) => name));
      assert.deepEqual([names.has('widgets/status'), names.has('plains/status')], [true, false]);
    });

    it('publishes schemas under an address that changes with them', async () => {
      const { body: index } = await world().api.ask('GET', '/openapi/v3');
      const { serverRelativeURL: url } = index.paths['api/v1'];
      assert.match(url, /^\/openapi\/v3\/api\/v1\?hash=/);
      const { body } = await world().api.ask('GET', url);
      const kinds = Object.values<Loose>(body.components.schemas).flatMap(
        (schema) => schema['x-kubernetes-group-version-kind'] ?? [],
      );
      assert.ok(
        kinds.some(({ group, version, kind }: Loose) => `${group}/${version}/${kind}` === '/v1/ConfigMap'),
      );
    });

    it('is 404 for a group that is not served', async () => {
      assert.equal((await world().api.ask('GET', '/apis/nobody.example.com/v1')).status, 404);
    });
  });
}
