/** A subscriber that knows three objects, of a source that is audited every minute. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Logger, silentLogger } from '../../forwarder/lib/logger.ts';
import { compareResourceVersions } from '../../forwarder/model/delta.ts';
import { passUntil } from './drive.ts';
import type { FakeRequest } from './fake-apiserver.ts';
import { benchSources, RecordingSubscriber, type SourceBench } from './source-bench.ts';

export const PERIOD_MS = 60_000;

/** Until a repair: a period with its jitter, the time that a watch is given, and the steps of this test. */
export const REPAIRED_MS: number = 1.2 * PERIOD_MS + 12_000;

export const SOURCE = 'applications.example.com/v1';

export interface AuditBench extends SourceBench {
  readonly recorder: RecordingSubscriber;
  /** What was logged as a warning. */
  readonly warnings: string[];
  /** Lets time pass until so many audits have ended so. */
  readonly audited: (result: string, times?: number, maxMs?: number) => Promise<void>;
  readonly repairs: () => Record<string, number>;
  /** Whether exactly what the server has was told, and nothing ever went back. */
  readonly check: () => void;
}

/** One subscriber that is synced with three objects, and an audit a minute. */
export async function benchAudit(
  t: TestContext,
  options: { readonly auditIntervalMs?: number; readonly maxLists?: number } = {},
): Promise<AuditBench> {
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_msg, { key, reason, count } = {}) => void warnings.push(key ? `${key} ${reason}` : `${count}`),
    with: () => logger,
  };
  const bench = await benchSources(t, {
    auditIntervalMs: PERIOD_MS,
    random: () => 0.5,
    logger,
    ...options,
  });
  const { server, clock, meter, follow } = bench;
  for (const name of ['a', 'b', 'c']) server.put({ namespace: 'n', name, uid: `u-${name}` });
  const recorder = await follow();
  const value = (result: string): number =>
    meter.value('statewire_audits_total', { source: SOURCE, result }) ?? 0;
  return {
    ...bench,
    recorder,
    warnings,
    async audited(result, times = 1, maxMs = REPAIRED_MS) {
      const what = `${times} audits with result ${result}`;
      await passUntil(clock, { what, maxMs, stepMs: 1000 }, () => value(result) >= times);
    },
    repairs() {
      const kinds = ['added', 'updated', 'deleted'].map((kind) => {
        const count = meter.value('statewire_audit_repairs_total', { source: SOURCE, kind });
        return [kind, count] as const;
      });
      return Object.fromEntries(
        kinds.flatMap(([kind, count]) => (count === undefined ? [] : [[kind, count]])),
      );
    },
    check: () => check(recorder, server.state),
  };
}

function check({ deltas }: RecordingSubscriber, state: ReadonlyMap<string, string>): void {
  const told = new Map<string, string>();
  const newest = new Map<string, string>();
  for (const { type, head } of deltas) {
    const before = newest.get(head.uid) ?? '0';
    assert.ok(compareResourceVersions(head.resourceVersion, before) >= 0, `${head.uid} goes back`);
    newest.set(head.uid, head.resourceVersion);
    if (type === 'Deleted') told.delete(head.uid);
    else told.set(head.uid, head.resourceVersion);
  }
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(state));
}

export function isAudit({ headers }: FakeRequest): boolean {
  return headers.accept?.includes('PartialObjectMetadataList') === true;
}
