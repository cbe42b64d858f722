import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StartupHealth } from '../../../forwarder/observe/health.ts';

describe('StartupHealth', () => {
  it('names what it waits for, and is ready once all is done', () => {
    const health = new StartupHealth(['triggers']);
    health.wait('shop/b');
    assert.deepEqual(health.ready(), { ok: false, reasons: ['waiting for shop/b', 'waiting for triggers'] });
    health.done('triggers');
    assert.equal(health.ready().ok, false);
    health.done('shop/b');
    assert.deepEqual(health.ready(), { ok: true, reasons: [] });
  });

  it('stays ready when a trigger comes later', () => {
    const health = new StartupHealth(['triggers']);
    health.done('triggers');
    health.wait('shop/b');
    assert.equal(health.ready().ok, true);
  });

  it('is ready at once where there is nothing to wait for', () => {
    assert.equal(new StartupHealth([]).ready().ok, true);
  });

  it('is not ready any more while it stops', () => {
    const health = new StartupHealth([]);
    health.stop();
    assert.deepEqual(health.ready(), { ok: false, reasons: ['stopping'] });
  });
});
