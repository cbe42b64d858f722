/** Polls for something that another process brings about. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalClusterError } from './local-cluster-error.ts';
import type { ComponentProcess } from './component-process.ts';

const POLL_MS = 30;

export interface WaitOptions {
  /** What is waited for, as in "API server ready". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Whose end ends the wait, where there is one. */
  readonly process?: ComponentProcess;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves once the condition holds; a condition that throws does not hold yet.
 *
 * @throws LocalClusterError `CLUSTER_START_FAILED`; the signal's reason.
 */
export async function waitUntil(condition: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const { what, timeoutMs, process, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let last = '';
  for (;;) {
    signal?.throwIfAborted();
    try {
      if (await condition()) return;
    } catch (error) {
      last = error instanceof Error ? ` (${error.message.slice(0, 256)})` : '';
    }
    const failed = process?.hasEnded()
      ? `${process.name} ended`
      : performance.now() > deadline
        ? `${what}: not within ${timeoutMs / 1000} s${last}`
        : undefined;
    if (failed !== undefined) {
      throw new LocalClusterError(
        'CLUSTER_START_FAILED',
        process === undefined ? failed : `${failed}; its log ends with: ${process.logTail()}`,
      );
    }
    await sleep(POLL_MS);
  }
}
