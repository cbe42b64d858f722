/** Processes that write one checkpoint. */
import { CheckpointLog, type CheckpointLogOptions } from '../../forwarder/checkpoint/checkpoint-log.ts';
import { MemorySegmentStore } from '../../forwarder/checkpoint/memory-segment-store.ts';
import { sampleHeader } from './segments.ts';

export interface Writer {
  readonly log: CheckpointLog;
  readonly lines: Map<string, string>;
}

let names = 0;

/** A process: what it knows, and its log. */
export function writer(store: MemorySegmentStore, options: Partial<CheckpointLogOptions> = {}): Writer {
  const lines = new Map<string, string>();
  const name = ++names / 1000;
  const log = new CheckpointLog({
    store,
    encode: (uid) => lines.get(uid),
    liveCount: () => lines.size,
    random: () => name,
    ...options,
  });
  return { log, lines };
}

/** One that has taken over, and knows what was stored. */
export async function claimed(
  store: MemorySegmentStore,
  options?: Partial<CheckpointLogOptions>,
): Promise<Writer> {
  const made = writer(store, options);
  const { records } = await made.log.claim(({ header }) => header ?? sampleHeader());
  for (const [uid, line] of records) made.lines.set(uid, line);
  return made;
}

export async function append(
  { log, lines }: Writer,
  changes: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [uid, line] of Object.entries(changes)) lines.set(uid, line);
  await log.append(sampleHeader({ completeUpTo: Object.values(changes).join(' ') }), Object.keys(changes));
}
