/** Segments and headers of a checkpoint, for tests. */
import type { CheckpointHeader, Segment } from '../../forwarder/checkpoint/segment.ts';

export function sampleHeader(fields: Partial<CheckpointHeader> = {}): CheckpointHeader {
  const recipes = [{ changes: ['Spec'] }];
  return { kind: 'Widget.example.com', epoch: 1, clean: false, initialSynced: true, recipes, ...fields };
}

/** An append that follows the one before it. */
export function sampleSegment(seq: number, fields: Partial<Segment> = {}): Segment {
  return {
    seq,
    type: 'Append',
    from: seq,
    to: seq,
    after: seq - 1,
    run: seq,
    part: 1,
    last: true,
    writer: 'a1',
    header: sampleHeader({ completeUpTo: String(seq) }),
    records: `uid-${seq}\t["name-${seq}"]\n`,
    ...fields,
  };
}
