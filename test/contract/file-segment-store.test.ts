import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FileSegmentStore, FileSegmentStores } from '../../forwarder/checkpoint/file-segment-store.ts';
import { sampleSegment } from '../support/segments.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { segmentStoreContract } from './segment-store.contract.ts';

const trigger = { namespace: 'shop', name: 'app', uid: 'uid-1', generation: 1 };

async function folder(t: TestContext): Promise<string> {
  const made = await temporaryFolder();
  t.after(() => made[Symbol.asyncDispose]());
  return made.path;
}

segmentStoreContract({
  name: 'FileSegmentStore',
  async checkpoint(t) {
    const root = path.join(await folder(t), 'not', 'there yet');
    const stores = new FileSegmentStores(root);
    return {
      open: () => stores.open(trigger),
      openOther: () => stores.open({ ...trigger, uid: 'uid-2' }),
      async damage(seq) {
        const file = path.join(root, trigger.uid, `${String(seq).padStart(10, '0')}.json`);
        await writeFile(file, (await readFile(file, 'utf8')).replace('name-', 'nome-'));
      },
    };
  },
});

describe('FileSegmentStore', () => {
  it('names a file that is cut off', async (t) => {
    const where = await folder(t);
    const store = new FileSegmentStore(where);
    await store.create(sampleSegment(1));
    const [name = ''] = await readdir(where);
    const text = await readFile(path.join(where, name), 'utf8');
    for (const length of [0, 1, text.length - 1]) {
      await writeFile(path.join(where, name), text.slice(0, length));
      assert.deepEqual(await store.read(1), { seq: 1, damaged: 'segment 1: it is not JSON' });
    }
    await writeFile(path.join(where, name), '{}');
    assert.deepEqual(await store.read(1), {
      seq: 1,
      damaged: 'segment 1: fields are missing or of the wrong type',
    });
  });

  it('names a file that was copied to another number', async (t) => {
    const where = await folder(t);
    const store = new FileSegmentStore(where);
    await store.create(sampleSegment(1));
    const text = await readFile(path.join(where, '0000000001.json'), 'utf8');
    await writeFile(path.join(where, '0000000002.json'), text);
    assert.deepEqual(await store.read(2), { seq: 2, damaged: 'segment 2: it says that it is segment 1' });
  });

  it('ignores what a crash has left half-written, and removes it when it stores', async (t) => {
    const where = await folder(t);
    await writeFile(path.join(where, '0000000001.dead.tmp'), '{"sequence":1');
    await writeFile(path.join(where, 'README'), 'not ours');
    const store = new FileSegmentStore(where);
    assert.deepEqual(await Array.fromAsync(store.list()), []);
    await store.create(sampleSegment(1));
    assert.deepEqual((await readdir(where)).toSorted(), ['0000000001.json', 'README']);
  });

  it('is readable by its user only', async (t) => {
    const where = path.join(await folder(t), 'checkpoint');
    await new FileSegmentStore(where).create(sampleSegment(1));
    assert.equal((await stat(where)).mode & 0o777, 0o700);
    assert.equal((await stat(path.join(where, '0000000001.json'))).mode & 0o777, 0o600);
  });

  it('tells what the file system says where it cannot write', async (t) => {
    const where = path.join(await folder(t), 'file');
    await writeFile(where, '');
    await assert.rejects(new FileSegmentStore(where).create(sampleSegment(1)), { code: 'EEXIST' });
  });
});

describe('FileSegmentStores', () => {
  it('removes the folders of triggers that are no more, and nothing else', async (t) => {
    const root = await folder(t);
    const stores = new FileSegmentStores(root);
    await stores.sweep([]);
    for (const uid of ['uid-1', 'uid-2']) await stores.open({ ...trigger, uid }).create(sampleSegment(1));
    await mkdir(path.join(root, 'photos'));
    await writeFile(path.join(root, 'photos', 'cat.jpg'), '');
    await writeFile(path.join(root, 'notes'), '');
    await stores.sweep(['uid-2']);
    assert.deepEqual((await readdir(root)).toSorted(), ['notes', 'photos', 'uid-2']);
  });

  it('stays inside its folder whatever a uid looks like', async (t) => {
    const root = path.join(await folder(t), 'root');
    await new FileSegmentStores(root).open({ ...trigger, uid: '../../etc' }).create(sampleSegment(1));
    assert.deepEqual(await readdir(root), ['______etc']);
  });
});
