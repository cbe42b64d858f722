/** A segment as it is stored: flat JSON, the same in files and in the spec of a TriggerCheckpoint. */
import { createHash } from 'node:crypto';
import { type CheckpointHeader, type DamagedSegment, type Segment, SEGMENT_TYPES } from './segment.ts';

export interface SegmentDocument extends Omit<Segment, 'seq' | 'header'> {
  readonly sequence: number;
  /** That of the header, for people. */
  readonly epoch: number;
  /** How many records, for people. */
  readonly count: number;
  /** JSON text: a server that orders keys anew must not change what the checksum is of. */
  readonly header: string;
  /** 16 hex digits of SHA-256 over all of the above that is not for people. */
  readonly checksum: string;
}

export function writeDocument(segment: Segment): SegmentDocument {
  const { seq, header, records, ...rest } = segment;
  const document = {
    sequence: seq,
    ...rest,
    epoch: header.epoch,
    count: countLines(records),
    header: JSON.stringify(header),
    records,
  };
  return { ...document, checksum: checksumOf(document) };
}

/**
 * The segment, or what is wrong with it.
 *
 * @param seq under which it was found
 * @param value from JSON
 */
export function readDocument(seq: number, value: unknown): Segment | DamagedSegment {
  const problem = (what: string): DamagedSegment => ({ seq, damaged: `segment ${seq}: ${what}` });
  if (!isDocument(value)) return problem('fields are missing or of the wrong type');
  if (value.checksum !== checksumOf(value)) return problem('the checksum does not match');
  if (value.sequence !== seq) return problem(`it says that it is segment ${value.sequence}`);
  const { type, from, to, after, run, part, last, writer, records } = value;
  // The checksum says that we wrote it.
  const header = JSON.parse(value.header) as CheckpointHeader;
  return { seq, type, from, to, after, run, part, last, writer, header, records };
}

function checksumOf(document: Omit<SegmentDocument, 'checksum'>): string {
  const { sequence, type, from, to, after, run, part, last, writer, header, records } = document;
  return createHash('sha256')
    .update(JSON.stringify([sequence, type, from, to, after, run, part, last, writer, header]))
    .update(records)
    .digest('hex')
    .slice(0, 16);
}

const NUMBERS = ['sequence', 'from', 'to', 'after', 'run', 'part'] as const;
const TEXTS = ['writer', 'header', 'records', 'checksum'] as const;

function isDocument(value: unknown): value is SegmentDocument {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Partial<Record<keyof SegmentDocument, unknown>>>;
  return (
    NUMBERS.every((name) => Number.isSafeInteger(fields[name])) &&
    TEXTS.every((name) => typeof fields[name] === 'string') &&
    typeof fields.last === 'boolean' &&
    SEGMENT_TYPES.some((type) => type === fields.type)
  );
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
