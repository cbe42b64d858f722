import assert from 'node:assert/strict';
import { closeSync, globSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { putFolder } from '../../../scripts/bundle/put-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function folderOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder.path, name)), { recursive: true });
    writeFileSync(path.join(folder.path, name), text);
  }
  return folder.path;
}

describe('a folder that is built again', () => {
  it('holds what was built, and nothing that was built before', async (t) => {
    const built = await folderOf(t, { 'a.js': 'new', 'deep/b.js': 'same', 'deep/er/c.js': 'more' });
    const folder = await folderOf(t, { 'a.js': 'old', 'deep/b.js': 'same', 'deep/gone.js': 'old' });
    putFolder(built, folder);
    const files = globSync('**/*.js', { cwd: folder }).toSorted();
    assert.deepEqual(
      files.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
      [
        ['a.js', 'new'],
        ['deep/b.js', 'same'],
        ['deep/er/c.js', 'more'],
      ],
    );
    assert.deepEqual(globSync('**/*.new', { cwd: folder }), []);
  });

  it('lets a reader finish the file that it has begun, and leaves alone what is the same', async (t) => {
    const folder = await folderOf(t, { 'a.js': 'old', 'b.js': 'same' });
    const { ino } = statSync(path.join(folder, 'b.js'));
    const reader = openSync(path.join(folder, 'a.js'), 'r');
    t.after(() => closeSync(reader));
    putFolder(await folderOf(t, { 'a.js': 'newer', 'b.js': 'same' }), folder);
    assert.equal(readFileSync(reader, 'utf8'), 'old');
    assert.equal(readFileSync(path.join(folder, 'a.js'), 'utf8'), 'newer');
    assert.equal(statSync(path.join(folder, 'b.js')).ino, ino);
  });
});
