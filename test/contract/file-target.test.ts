/**
 * Target `file`. The suite of targets that speak HTTP does not fit: what it answers is never a result, and most of its
 * failures are those of a file system.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileTargets } from '../../forwarder/target/file.ts';
import type { FileTarget } from '../../forwarder/model/trigger.ts';
import type { Target } from '../../forwarder/model/target.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import type { Invocation } from '../../forwarder/model/invocation.ts';
import { TestProcess } from '../support/child-process.ts';
import { invocationAt } from '../support/invocations.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { principalWith } from '../support/principals.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { assertFails } from './target.contract.ts';

// As in a pod, where triggers of the cluster may not call loopback.
const guard = createAddressGuard({ inPod: true, apiServers: [], deniedCidrs: [] });

function fileTarget(spec: Omit<FileTarget, 'type'>, clock = new ManualClock()): Target {
  const targets = fileTargets({ clock, guard, env: {} });
  return {
    ...targets.create({ type: 'file', ...spec }, { reply: 'Result' }, principalWith()),
    [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose](),
  };
}

const signal = new AbortController().signal;
const event = (overrides: Partial<Invocation['attributes']> = {}, dataJson?: string): Invocation => {
  const invocation = invocationAt(new ManualClock(), dataJson === undefined ? {} : { dataJson });
  return { ...invocation, attributes: { ...invocation.attributes, ...overrides } };
};
const deleted = event({ type: 'dev.statewire.resource.deleted' });

describe('file target', () => {
  it('writes the event as structured JSON, in folders that it makes', async () => {
    await using folder = await temporaryFolder();
    await using target = fileTarget({ path: `${folder.path}/a/{namespace}/{name}.json` });
    assert.deepEqual(await target.invoke(event(), signal), { kind: 'empty' });
    const text = await readFile(`${folder.path}/a/shop/web.json`, 'utf8');
    assert.match(text, /"big":9007199254740993,"float":1\.0/);
    const { id, data } = JSON.parse(text) as { id: string; data: { reason: string } };
    assert.deepEqual([id, data.reason], [event().attributes.id, 'Watch']);
  });

  it('leaves nothing beside the file, and lets no reader see a part', async () => {
    await using folder = await temporaryFolder();
    const file = `${folder.path}/state.json`;
    await using target = fileTarget({ path: file });
    const events = ['a', 'b'].map((letter) => event({}, JSON.stringify({ fill: letter.repeat(1_000_000) })));
    const state = { over: false };
    const reader = (async () => {
      let reads = 0;
      while (!state.over) {
        const text = await readFile(file, 'utf8').catch(() => '{}');
        JSON.parse(text);
        reads++;
      }
      return reads;
    })();
    for (let round = 0; round < 10; round++) {
      for (const one of events) await target.invoke(one, signal);
    }
    state.over = true;
    assert.ok((await reader) > 0);
    assert.deepEqual(await readdir(folder.path), ['state.json']);
  });

  it('removes the file of a deleted object, once and again', async () => {
    await using folder = await temporaryFolder();
    await using target = fileTarget({ path: `${folder.path}/{name}.json` });
    await target.invoke(event(), signal);
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.deepEqual(await target.invoke(deleted, signal), { kind: 'empty' });
      assert.deepEqual(await readdir(folder.path), []);
    }
  });

  it('writes a deletion like any event where one file is for all objects', async () => {
    await using folder = await temporaryFolder();
    await using target = fileTarget({ path: `${folder.path}/newest.json` });
    await target.invoke(event(), signal);
    await target.invoke(deleted, signal);
    assert.match(await readFile(`${folder.path}/newest.json`, 'utf8'), /resource\.deleted/);
  });

  for (const name of ['..', '.', '', 'a/b']) {
    it(`takes ${JSON.stringify(name)} for no part of a path`, async () => {
      await using folder = await temporaryFolder();
      await using target = fileTarget({ path: `${folder.path}/{name}` });
      await assertFails(target.invoke(event({ name }), signal), { code: 'TARGET_REFUSED', permanent: true });
      assert.deepEqual(await readdir(folder.path), []);
    });
  }

  it('blames itself where it cannot write, and leaves the old state', async () => {
    await using folder = await temporaryFolder();
    await mkdir(`${folder.path}/web.json`);
    await using target = fileTarget({ path: `${folder.path}/{name}.json` });
    await assertFails(target.invoke(event(), signal), {
      code: 'TARGET_MISCONFIGURED',
      blame: 'target',
      conclusive: true,
    });
    assert.deepEqual(await readdir(folder.path), ['web.json']);
  });

  it('gives an object with a name too long up', async () => {
    await using folder = await temporaryFolder();
    await using target = fileTarget({ path: `${folder.path}/{name}.json` });
    const long = event({ name: 'x'.repeat(300) });
    await assertFails(target.invoke(long, signal), {
      code: 'TARGET_REFUSED',
      blame: 'delivery',
      permanent: true,
    });
  });

  it('does nothing once it is stopped', async () => {
    await using folder = await temporaryFolder();
    await using target = fileTarget({ path: `${folder.path}/{name}.json` });
    const stop = new Error('stop');
    await assert.rejects(target.invoke(event(), AbortSignal.abort(stop)), stop);
    assert.deepEqual(await readdir(folder.path), []);
  });
});

describe('file target that signals a process', () => {
  it('signals after the file is in place', async () => {
    await using folder = await temporaryFolder();
    const file = `${folder.path}/state.json`;
    const program = `process.on('SIGHUP', () => {
      console.log('read ' + JSON.parse(require('node:fs').readFileSync('${file}', 'utf8')).id);
    });
    setInterval(() => undefined, 1000);
    console.log('waiting');`;
    await using child = new TestProcess(process.execPath, ['-e', program]);
    await child.printed('waiting');
    await writeFile(`${folder.path}/pid`, `${child.child.pid}\n`);
    await using target = fileTarget({
      path: file,
      signal: { pidFile: `${folder.path}/pid`, name: 'SIGHUP' },
    });
    await target.invoke(event(), signal);
    await child.printed(`read ${event().attributes.id}`);
  });

  it('blames the target where there is no such process, or no process id', async () => {
    await using folder = await temporaryFolder();
    const pidFile = `${folder.path}/pid`;
    await using target = fileTarget({ path: `${folder.path}/a`, signal: { pidFile, name: 'SIGHUP' } });
    await assertFails(target.invoke(event(), signal), { code: 'TARGET_UNAVAILABLE', blame: 'target' });

    const child = new TestProcess(process.execPath, ['-e', '']);
    await child.exit();
    await writeFile(pidFile, String(child.child.pid));
    await assertFails(target.invoke(event(), signal), { code: 'TARGET_UNAVAILABLE', blame: 'target' });

    for (const text of ['', '0', '-1', '1', 'init', '12 13']) {
      await writeFile(pidFile, text);
      await assertFails(target.invoke(event(), signal), { code: 'TARGET_MISCONFIGURED', blame: 'target' });
    }
  });
});

describe('file target that calls a local URL', () => {
  it('calls it after the file is in place, in a pod too', async () => {
    await using folder = await temporaryFolder();
    const file = `${folder.path}/state.json`;
    let seen = '';
    await using server = await ScriptedServer.start((socket, request) => {
      void readFile(file, 'utf8').then((text) => {
        seen = text;
        void answer(200, {}, 'not a result')(socket, request);
      });
    });
    await using target = fileTarget({ path: file, notify: { url: `${server.origin}/reload` } });
    assert.deepEqual(await target.invoke(event(), signal), { kind: 'empty' });
    assert.match(seen, /"id":/);
    assert.equal(server.requests[0]?.path, '/reload');
    assert.equal(server.requests[0].headers['ce-id'], event().attributes.id);
  });

  it('fails as HTTP does', async () => {
    await using folder = await temporaryFolder();
    await using server = await ScriptedServer.start(answer(500));
    await using target = fileTarget({ path: `${folder.path}/a`, notify: { url: `${server.origin}/` } });
    await assertFails(target.invoke(event(), signal), { code: 'TARGET_FAILED', blame: 'delivery' });
  });

  it('ends with the deadline', async () => {
    await using folder = await temporaryFolder();
    const asked = Promise.withResolvers<void>();
    await using server = await ScriptedServer.start(() => asked.resolve());
    const clock = new ManualClock();
    await using target = fileTarget(
      { path: `${folder.path}/a`, notify: { url: `${server.origin}/` } },
      clock,
    );
    const call = target.invoke(invocationAt(clock, { timeoutMs: 1000 }), signal);
    await asked.promise;
    const failed = assertFails(call, { code: 'TARGET_TIMEOUT', blame: 'delivery' });
    await clock.advance(1000);
    await failed;
    assert.equal(clock.pending, 0);
  });

  it('calls nothing but this computer', async () => {
    await using folder = await temporaryFolder();
    // A URL that no trigger can have; the connection itself is refused.
    await using target = fileTarget({ path: `${folder.path}/a`, notify: { url: 'http://169.254.169.254/' } });
    await assertFails(target.invoke(event(), signal), { code: 'TARGET_FORBIDDEN', blame: 'target' });
  });
});
