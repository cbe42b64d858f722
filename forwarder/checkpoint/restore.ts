/** What stored segments say together: the rules of reading a log that may have been left at any moment. */
import { jsonBytes, readRecords } from './record-lines.ts';
import { type Run, tierOf } from './run.ts';
import type { CheckpointHeader, DamagedSegment, Segment } from './segment.ts';

export interface Restored {
  /** Undefined where there is no log. */
  readonly header: CheckpointHeader | undefined;
  /** By uid; without those that are no more. */
  readonly records: Map<string, string>;
  /** What is damaged or missing, one line each. */
  readonly damaged: readonly string[];
  /** At least the greatest that anybody wrote; 0 where nobody did. */
  readonly epoch: number;
  readonly lastPosition: number;
  readonly nextSeq: number;
  /** Oldest first. They overlap where something is damaged: then only all of them together can be merged. */
  readonly runs: Run[];
  /** Claims that merges cover, oldest first: kept for a while, as they fence. */
  readonly claims: number[];
  /** Damaged: they go when all has been written anew. */
  readonly broken: readonly number[];
  /** Of no use any more. */
  readonly garbage: number[];
  /** Bytes by number, of everything that is stored. */
  readonly sizes: Map<number, number>;
}

/** What a segment takes beside its header and records, about. */
export const FRAME_BYTES = 200;

/** Segments of a merge, or one of anything else. */
interface Unit {
  readonly first: Segment;
  readonly parts: readonly Segment[];
  readonly complete: boolean;
}

export function restore(found: readonly (Segment | DamagedSegment)[]): Restored {
  const segments = found.filter(isSegment);
  const broken = found.filter((one) => !isSegment(one)) as readonly DamagedSegment[];
  const units = unitsOf(segments);
  const merges = units.filter(({ first, complete }) => first.type === 'Merge' && complete);
  const isCovered = ({ first }: Unit): boolean => merges.some((merge) => covers(merge.first, first));
  const uncovered = units.filter((unit) => !isCovered(unit));
  const whole = uncovered.filter(({ complete }) => complete);
  const gaps = gapsOf(whole);
  // A merge that was left half-way is of no use while its sources are there. What is left of a damaged one is.
  const used = broken.length + gaps.length > 0 ? uncovered : whole;
  const unused = units.filter((unit) => !used.includes(unit)).flatMap(({ parts }) => parts);
  const ordered = used.flatMap(({ parts }) => parts).toSorted((a, b) => a.to - b.to || a.seq - b.seq);
  const { records, runs } = readAll(ordered);
  const damagedSeqs = broken.map(({ seq }) => seq);
  return {
    header: ordered.at(-1)?.header,
    records,
    damaged: broken.length > 0 ? broken.map(({ damaged }) => damaged) : gaps,
    // Each of the damaged ones may have been a claim.
    epoch: segments.reduce((most, { header }) => Math.max(most, header.epoch), 0) + broken.length,
    lastPosition: ordered.at(-1)?.to ?? 0,
    nextSeq: found.reduce((most, { seq }) => Math.max(most, seq), 0) + 1,
    runs,
    claims: seqsOf(unused.filter(({ type }) => type === 'Claim')),
    broken: damagedSeqs,
    garbage: seqsOf(unused.filter(({ type }) => type !== 'Claim')),
    sizes: new Map([
      ...segments.map((one) => [one.seq, sizeOf(one)] as const),
      ...damagedSeqs.map((seq) => [seq, 0] as const),
    ]),
  };
}

function isSegment(one: Segment | DamagedSegment): one is Segment {
  return !('damaged' in one);
}

function seqsOf(segments: readonly Segment[]): number[] {
  return segments.map(({ seq }) => seq).toSorted((a, b) => a - b);
}

function sizeOf({ header, records }: Segment): number {
  return FRAME_BYTES + jsonBytes(JSON.stringify(header)) + jsonBytes(records);
}

function unitsOf(segments: readonly Segment[]): readonly Unit[] {
  const merges = Map.groupBy(
    segments.filter(({ type }) => type === 'Merge'),
    ({ run }) => run,
  );
  return [
    ...segments
      .filter(({ type }) => type !== 'Merge')
      .map((first) => ({ first, parts: [first], complete: true })),
    ...[...merges.values()].map((unsorted) => {
      const parts = unsorted.toSorted((a, b) => a.part - b.part);
      const complete = parts.every(({ part }, index) => part === index + 1) && parts.at(-1)?.last === true;
      return { first: parts[0] as Segment, parts, complete };
    }),
  ];
}

/** A later merge of the same positions, or of more. */
function covers(merge: Segment, { run, from, to }: Segment): boolean {
  return merge.run > run && merge.from <= from && to <= merge.to;
}

function gapsOf(units: readonly Unit[]): readonly string[] {
  const gaps: string[] = [];
  let reached = 0;
  for (const { first } of units.toSorted((a, b) => a.first.from - b.first.from)) {
    if (first.after !== reached)
      gaps.push(`segments between positions ${reached} and ${first.from} are missing`);
    reached = first.to;
  }
  return gaps;
}

function readAll(ordered: readonly Segment[]): {
  readonly records: Map<string, string>;
  readonly runs: Run[];
} {
  const records = new Map<string, string>();
  const runs = new Map<number, Run>();
  /** One text for each uid, however many lines it has. */
  const known = new Map<string, string>();
  for (const segment of ordered) {
    const { type, run: id, from, to, after, header } = segment;
    const run = runs.get(id) ?? { type, from, to, after, header, seqs: [], uids: [], tier: 0, open: false };
    runs.set(id, run);
    run.to = to;
    run.header = header;
    run.seqs.push(segment.seq);
    readRecords(segment.records, (text, line) => {
      const uid = known.get(text) ?? text;
      known.set(uid, uid);
      run.uids.push(uid);
      if (line === undefined) records.delete(uid);
      else records.set(uid, line);
    });
  }
  for (const run of runs.values()) run.tier = tierOf(run.uids.length);
  return { records, runs: [...runs.values()] };
}
