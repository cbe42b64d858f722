import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LogFields, type Logger, silentLogger } from '../../../forwarder/lib/logger.ts';
import { TriggerStatusLog } from '../../../forwarder/status/trigger-status-log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const APP = { namespace: 'shop', name: 'app', uid: 'u-1', generation: 1 };

describe('TriggerStatusLog', () => {
  it('warns of what turns False, tells what turns True, and repeats nothing', () => {
    const lines: unknown[] = [];
    const record =
      (level: string) =>
      (msg: string, fields: LogFields = {}): void =>
        void lines.push([level, msg, fields.reason, fields.error]);
    const logger: Logger = { ...silentLogger, info: record('info'), warn: record('warn') };
    const log = new TriggerStatusLog({ logger, clock: new ManualClock() });
    const refused = { type: 'Accepted', status: 'False', reason: 'Invalid', message: 'spec.a: bad' } as const;
    log.update(APP, { conditions: [refused] });
    log.update(APP, {
      conditions: [refused],
      objects: { watched: 1, pending: 0, failing: 0, deadLettered: 0 },
    });
    log.update(APP, { conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted' }] });
    assert.deepEqual(lines, [
      ['warn', 'trigger condition Accepted is False', 'Invalid', 'spec.a: bad'],
      ['warn', 'trigger condition Ready is False', 'Invalid', 'spec.a: bad'],
      ['info', 'trigger condition Accepted is True', 'Accepted', undefined],
    ]);
  });
});
