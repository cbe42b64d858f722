/** Server-side apply, and writes of the status. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ApiWorld, ownedBy } from '../support/api-world.ts';
import type { Loose } from '../support/api-under-test.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

function ready(reason: string): Loose {
  return { type: 'Ready', status: 'True', reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
}

export function applyContract(world: () => ApiWorld): void {
  describe('writes of the status', () => {
    it('by apply land on whoever has the name now: the uid is no guard', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const stated = { metadata: { uid: UNKNOWN }, status: { phase: 'x' } };
      const { status, body } = await widgets.apply('a/status', stated);
      assert.deepEqual([status, body.status], [200, { phase: 'x' }]);
    });

    it('by merge patch do so too', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const { status, body } = await widgets.merge('a/status', {
        metadata: { uid: UNKNOWN },
        status: { phase: 'x' },
      });
      assert.deepEqual([status, body.status], [200, { phase: 'x' }]);
    });

    it('are refused under a version that is not the newest', async () => {
      const widgets = await world().collection();
      const { metadata } = await widgets.make('a');
      const first = await widgets.apply('a/status', {
        metadata: { resourceVersion: metadata.resourceVersion },
        status: { phase: 'x' },
      });
      assert.equal(first.status, 200);
      const second = await widgets.apply('a/status', {
        metadata: { resourceVersion: metadata.resourceVersion },
        status: { phase: 'y' },
      });
      assert.deepEqual([second.status, second.body.reason], [409, 'Conflict']);
    });

    it('are guarded by a JSON patch that tests the uid', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const { status } = await widgets.json('a/status', [
        { op: 'test', path: '/metadata/uid', value: UNKNOWN },
        { op: 'add', path: '/status', value: { phase: 'x' } },
      ]);
      assert.equal(status, 422);
    });

    it('are 404 where there is no object', async () => {
      const widgets = await world().collection();
      assert.equal((await widgets.apply('none/status', { status: { phase: 'x' } })).status, 404);
    });

    it('beside a spec of a wrong type lose track of who owns what', async () => {
      const widgets = await world().collection();
      await widgets.apply('a', { spec: { size: 1 } });
      const { status, body } = await widgets.merge('a/status', {
        spec: { size: 'x' },
        status: { phase: 'x' },
      });
      assert.deepEqual([status, body.spec.size, body.status], [200, 1, { phase: 'x' }]);
      assert.equal(body.metadata.managedFields, undefined);
    });

    it('leave everything else as it is', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const stated = { metadata: { annotations: { a: 'b' } }, spec: { size: 2 }, status: { phase: 'x' } };
      const { body } = await widgets.apply('a/status', stated, { force: true });
      assert.deepEqual(
        [body.spec.size, body.metadata.annotations, body.metadata.generation],
        [1, undefined, 1],
      );
      const replaced = await widgets.put('a/status', { ...body, spec: { size: 3 }, status: { phase: 'y' } });
      assert.deepEqual([replaced.body.spec.size, replaced.body.status], [1, { phase: 'y' }]);
    });

    it('by apply of an undeclared field are answered with 500, by merge patch without it', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const { status, body } = await widgets.apply('a/status', { status: { phase: 'x', odd: 1 } });
      assert.equal(status, 500);
      assert.match(
        body.message,
        /failed to create typed patch object \(.*\): \.status\.odd: field not declared in schema/,
      );
      const merged = await widgets.merge('a/status', { status: { phase: 'x', odd: 1 } });
      assert.deepEqual([merged.status, merged.body.status], [200, { phase: 'x' }]);
    });

    it('by apply of a wrong type are answered with 500, by merge patch with 422', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const { status, body } = await widgets.apply('a/status', { status: { replicas: 'many' } });
      assert.equal(status, 500);
      assert.match(body.message, /failed to create typed patch object/);
      assert.equal((await widgets.merge('a/status', { status: { replicas: 'many' } })).status, 422);
    });

    it('that change nothing keep the version', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      const first = await widgets.apply('a/status', { status: { phase: 'x' } });
      const second = await widgets.apply('a/status', { status: { phase: 'x' } });
      assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    });

    it('by an apply without status take away what its manager stated, and nothing else', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      await widgets.apply('a/status', { status: { phase: 'x' } }, { manager: 'one' });
      await widgets.apply('a/status', { status: { replicas: 1 } }, { manager: 'two' });
      const { body } = await widgets.apply('a/status', {}, { manager: 'one' });
      assert.deepEqual(body.status, { replicas: 1 });
      assert.equal(ownedBy(body, 'one'), undefined);
    });

    it('merge conditions by type where the schema says so', async () => {
      const widgets = await world().collection();
      await widgets.make('a');
      await widgets.apply('a/status', { status: { conditions: [ready('One')] } }, { manager: 'one' });
      const other = { ...ready('Two'), type: 'Synced' };
      const { body } = await widgets.apply(
        'a/status',
        { status: { conditions: [other] } },
        { manager: 'two' },
      );
      assert.deepEqual(
        body.status.conditions.map(({ type }: Loose) => type),
        ['Ready', 'Synced'],
      );
      const gone = await widgets.apply('a/status', { status: {} }, { manager: 'one' });
      assert.deepEqual(
        gone.body.status.conditions.map(({ type }: Loose) => type),
        ['Synced'],
      );
    });

    it('replace conditions as a whole where it does not', async () => {
      const gauges = await world().collection('gauges');
      await gauges.make('a');
      await gauges.apply('a/status', { status: { conditions: [ready('One')] } }, { manager: 'one' });
      const stated = { status: { conditions: [{ ...ready('Two'), type: 'Synced' }] } };
      const refused = await gauges.apply('a/status', stated, { manager: 'two' });
      assert.deepEqual(
        [refused.status, refused.body.details.causes],
        [
          409,
          [
            {
              reason: 'FieldManagerConflict',
              message: 'conflict with "one" with subresource "status"',
              field: '.status.conditions',
            },
          ],
        ],
      );
      const forced = await gauges.apply('a/status', stated, { manager: 'two', force: true });
      assert.deepEqual(
        forced.body.status.conditions.map(({ type }: Loose) => type),
        ['Synced'],
      );
      assert.equal(ownedBy(forced.body, 'one'), undefined);
    });
  });

  describe('server-side apply', () => {
    it('creates what is not there', async () => {
      const widgets = await world().collection();
      const { status, body } = await widgets.apply('a', { spec: { size: 1 } });
      assert.deepEqual([status, body.spec], [201, { size: 1, color: 'grey' }]);
      assert.deepEqual(ownedBy(body, 'one'), { 'f:spec': { 'f:size': {} } });
      assert.equal((await widgets.apply('a', { spec: { size: 2 } })).status, 200);
    });

    it('under a uid creates nothing (409), and changes no other object (422)', async () => {
      const widgets = await world().collection();
      const stated = { metadata: { uid: UNKNOWN }, spec: { size: 1 } };
      assert.equal((await widgets.apply('a', stated)).status, 409);
      await widgets.make('a');
      const { status, body } = await widgets.apply('a', stated);
      assert.deepEqual([status, body.details.causes[0].field], [422, 'metadata.uid']);
    });

    it('under a version creates what is not there: the version guards what is there only', async () => {
      const widgets = await world().collection();
      const { status } = await widgets.apply('a', { metadata: { resourceVersion: '1' }, spec: { size: 1 } });
      assert.equal(status, 201);
      const stale = await widgets.apply('a', { metadata: { resourceVersion: '1' }, spec: { size: 2 } });
      assert.equal(stale.status, 409);
    });

    it('finds what nobody owned before the first apply owned by nobody in particular', async () => {
      const widgets = await world().collection();
      const made = await widgets.make('a', { spec: { size: 1 } });
      await widgets.put('a', { ...made, metadata: { ...made.metadata, managedFields: [{}] } });
      assert.equal(
        (await widgets.merge('a', { spec: { tier: 'gold' } })).body.metadata.managedFields,
        undefined,
      );
      const { body } = await widgets.apply('a', { spec: { size: 1 } });
      const all = { '.': {}, 'f:color': {}, 'f:size': {}, 'f:tier': {} };
      assert.deepEqual(ownedBy(body, 'before-first-apply'), { 'f:spec': all });
      assert.deepEqual(ownedBy(body, 'one'), { 'f:spec': { 'f:size': {} } });
    });

    it('needs a name for who applies', async () => {
      const widgets = await world().collection();
      const query = { force: 'true' };
      const type = 'application/apply-patch+yaml';
      const body = widgets.object('a', {});
      const { status } = await widgets.api.ask('PATCH', `${widgets.path}/a`, { query, body, type });
      assert.equal(status, 422);
      assert.equal((await widgets.apply('a', {}, { manager: 'm'.repeat(129) })).status, 422);
      assert.equal((await widgets.apply('a', {}, { manager: 'm'.repeat(128) })).status, 201);
    });

    it('is refused where another manager owns the field with another value', async () => {
      const widgets = await world().collection();
      await widgets.apply('a', { spec: { size: 1, tier: 'gold' } }, { manager: 'one' });
      const same = await widgets.apply('a', { spec: { size: 1 } }, { manager: 'two' });
      assert.equal(same.status, 200);
      const { status, body } = await widgets.apply(
        'a',
        { spec: { size: 2, tier: 'lead' } },
        { manager: 'two' },
      );
      assert.deepEqual([status, body.reason], [409, 'Conflict']);
      assert.deepEqual(
        body.details.causes.map(({ field, message }: Loose) => `${field} ${message}`),
        ['.spec.size conflict with "one"', '.spec.tier conflict with "one"'],
      );
      assert.equal(
        body.message,
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.size\n- .spec.tier',
      );
      const one = await widgets.apply('a', { spec: { size: 2 } }, { manager: 'two' });
      assert.equal(one.body.message, 'Apply failed with 1 conflict: conflict with "one": .spec.size');
    });

    it('by force takes the field over, and no more', async () => {
      const widgets = await world().collection();
      await widgets.apply('a', { spec: { size: 1, tier: 'gold' } }, { manager: 'one' });
      const { body } = await widgets.apply('a', { spec: { size: 2 } }, { manager: 'two', force: true });
      assert.deepEqual(ownedBy(body, 'one'), { 'f:spec': { 'f:tier': {} } });
      assert.deepEqual(ownedBy(body, 'two'), { 'f:spec': { 'f:size': {} } });
    });

    it('takes away what its manager stated before and nobody else owns', async () => {
      const widgets = await world().collection();
      await widgets.apply('a', { spec: { size: 1, tier: 'gold', labels: { x: '1' } } }, { manager: 'one' });
      await widgets.apply('a', { spec: { tier: 'gold', labels: { y: '2' } } }, { manager: 'two' });
      const { body } = await widgets.apply('a', { spec: {} }, { manager: 'one' });
      assert.deepEqual(body.spec, { color: 'grey', tier: 'gold', labels: { y: '2' } });
    });

    it('leaves what an update wrote since, which then belongs to the updater', async () => {
      const widgets = await world().collection();
      await widgets.apply('a', { spec: { size: 1, tier: 'gold' } }, { manager: 'one' });
      const { body } = await widgets.merge('a', { spec: { size: 2 } });
      assert.deepEqual(ownedBy(body, 'one'), { 'f:spec': { 'f:tier': {} } });
      assert.deepEqual(ownedBy(body, 'contract'), { 'f:spec': { 'f:size': {} } });
      const left = await widgets.apply('a', { spec: {} }, { manager: 'one' });
      assert.equal(left.body.spec.size, 2);
    });

    it('says of an updater since when it owns the field', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const { status, body } = await widgets.apply('a', { spec: { size: 2 } });
      assert.equal(status, 409);
      const at = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
      const message = new RegExp(`^conflict with "contract" using contract.example.com/v1(?: at ${at})?$`);
      assert.match(body.details.causes[0].message, message);
    });

    it('merges lists by key and sets by value, and replaces the others', async () => {
      const widgets = await world().collection();
      const one = { spec: { ports: [{ name: 'a', number: 1 }], set: ['x'], list: ['x'] } };
      await widgets.apply('a', one, { manager: 'one' });
      const two = { spec: { ports: [{ name: 'b', number: 2 }], set: ['y'], list: ['y'] } };
      const { body } = await widgets.apply('a', two, { manager: 'two', force: true });
      const ports = [
        { name: 'a', number: 1 },
        { name: 'b', number: 2 },
      ];
      assert.deepEqual([body.spec.ports, body.spec.set, body.spec.list], [ports, ['x', 'y'], ['y']]);
      const item = { '.': {}, 'f:name': {}, 'f:number': {} };
      assert.deepEqual(ownedBy(body, 'two'), {
        'f:spec': { 'f:list': {}, 'f:ports': { 'k:{"name":"b"}': item }, 'f:set': { 'v:"y"': {} } },
      });
      const gone = await widgets.apply('a', { spec: { ports: [] } }, { manager: 'two' });
      assert.deepEqual([gone.body.spec.ports, gone.body.spec.set], [[{ name: 'a', number: 1 }], ['x']]);
    });

    it('merges labels and annotations with those of others', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { metadata: { labels: { theirs: '1' } } });
      const { body } = await widgets.apply('a', { metadata: { labels: { ours: '2' } } });
      assert.deepEqual(body.metadata.labels, { ours: '2', theirs: '1' });
      assert.deepEqual(ownedBy(body, 'one'), { 'f:metadata': { 'f:labels': { 'f:ours': {} } } });
      const gone = await widgets.apply('a', {});
      assert.deepEqual(gone.body.metadata.labels, { theirs: '1' });
    });

    it('adds owner references by uid, of which one controls', async () => {
      const maps = await world().collection('configmaps');
      const owner = (name: string, uid: string, controller: boolean): Loose => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name,
        uid,
        controller,
      });
      const first = { metadata: { ownerReferences: [owner('x', UNKNOWN, true)] } };
      assert.equal((await maps.apply('a', first)).status, 201);
      const second = { metadata: { ownerReferences: [owner('y', UNKNOWN.replace('4', '5'), true)] } };
      const { status, body } = await maps.apply('a', second, { manager: 'two', force: true });
      assert.deepEqual([status, body.details.causes[0].field], [422, 'metadata.ownerReferences']);
    });

    it('does not own the status of the object itself', async () => {
      const widgets = await world().collection();
      const { body } = await widgets.apply('a', { spec: { size: 1 }, status: { phase: 'x' } });
      assert.deepEqual([body.status, ownedBy(body, 'one')], [undefined, { 'f:spec': { 'f:size': {} } }]);
    });

    it('of an undeclared field is answered with 500', async () => {
      const widgets = await world().collection();
      const { status, body } = await widgets.apply('a', { spec: { odd: 1 } });
      assert.equal(status, 500);
      assert.match(body.message, /\.spec\.odd: field not declared in schema/);
    });

    it('owns an empty map, and its fields without their parents', async () => {
      const widgets = await world().collection();
      const { body } = await widgets.apply('a', { spec: { labels: { x: '1' }, free: {} } });
      assert.deepEqual(ownedBy(body, 'one'), { 'f:spec': { 'f:free': {}, 'f:labels': { 'f:x': {} } } });
    });

    it('merges the containers of a Deployment by name', async () => {
      const namespace = await world().namespace();
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web`;
      const container = (name: string): Loose => ({ name, image: 'nginx' });
      const deployment = (containers: Loose): Loose => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec: { containers } },
        },
      });
      const apply = (manager: string, body: Loose): Promise<{ status: number; body: Loose }> =>
        world().api.ask('PATCH', path, {
          query: { fieldManager: manager },
          body,
          type: 'application/apply-patch+yaml',
        });
      assert.equal((await apply('one', deployment([container('a')]))).status, 201);
      const { body } = await apply('two', deployment([container('b')]));
      const names = body.spec.template.spec.containers.map(({ name }: Loose) => name);
      assert.deepEqual(names, ['a', 'b']);
      assert.equal(body.metadata.generation, 2);
    });
  });

  describe('updates', () => {
    it('own what they wrote, parents and defaults with it', async () => {
      const widgets = await world().collection();
      const { metadata } = await widgets.make('a', { metadata: { labels: { x: '1' } }, spec: { size: 1 } });
      assert.deepEqual(metadata.managedFields.length, 1);
      const [{ manager, operation, apiVersion, fieldsType, fieldsV1 }] = metadata.managedFields;
      assert.deepEqual(
        [manager, operation, apiVersion, fieldsType],
        ['contract', 'Update', 'contract.example.com/v1', 'FieldsV1'],
      );
      assert.deepEqual(fieldsV1, {
        'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } },
        'f:spec': { '.': {}, 'f:color': {}, 'f:size': {} },
      });
    });

    it('of the status are owned apart', async () => {
      const widgets = await world().collection();
      await widgets.make('a', { spec: { size: 1 } });
      const { body } = await widgets.merge('a/status', { status: { phase: 'x' } });
      const entry = body.metadata.managedFields.find(({ subresource }: Loose) => subresource === 'status');
      assert.deepEqual(
        [entry.manager, entry.operation, entry.fieldsV1],
        ['contract', 'Update', { 'f:status': { '.': {}, 'f:phase': {} } }],
      );
    });

    it('that remove a field take it from its owners', async () => {
      const widgets = await world().collection();
      await widgets.apply('a', { spec: { size: 1, tier: 'gold' } });
      const { body } = await widgets.merge('a', { spec: { tier: null } });
      assert.deepEqual(ownedBy(body, 'one'), { 'f:spec': { 'f:size': {} } });
    });
  });
}
