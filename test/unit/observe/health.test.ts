import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StartupHealth } from '../../../forwarder/observe/health.ts';

function waitingFor(...names: string[]): { names: string[]; health: StartupHealth; stop: AbortController } {
  const stop = new AbortController();
  return { names, health: new StartupHealth(() => names, stop.signal), stop };
}

describe('StartupHealth', () => {
  it('names what it waits for, and is ready once there is nothing', () => {
    const { names, health } = waitingFor('objects', 'triggers');
    assert.deepEqual(health.ready(), { ok: false, reasons: ['waiting for objects', 'waiting for triggers'] });
    names.pop();
    assert.equal(health.ready().ok, false);
    names.pop();
    assert.deepEqual(health.ready(), { ok: true, reasons: [] });
  });

  it('stays ready when a trigger comes or is edited later', () => {
    const { names, health } = waitingFor();
    assert.equal(health.ready().ok, true);
    names.push('objects');
    assert.deepEqual(health.ready(), { ok: true, reasons: [] });
  });

  it('is not ready any more while it stops', () => {
    const { health, stop } = waitingFor();
    assert.equal(health.ready().ok, true);
    stop.abort();
    assert.deepEqual(health.ready(), { ok: false, reasons: ['stopping'] });
  });
});
