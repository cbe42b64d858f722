import type { Cursor } from './cursor.ts';
import type { StoredSegment } from './ledger.ts';
import { jsonBytes, RecordPacker } from './record-lines.ts';
import { FRAME_BYTES } from './restore.ts';
import type { CheckpointHeader, Segment } from './segment.ts';

/** What a store puts around a segment: names, labels, owner, managed fields. */
const ENVELOPE_BYTES = 4096;

export interface SegmentMakerOptions {
  /** The newest line of an object; undefined for one that is no more. */
  readonly encode: (uid: string) => string | undefined;
  /** Names the process. */
  readonly writer: string;
  readonly maxBytes: number;
}

/** A segment without what is known only when its records are. */
export type SegmentPlan = Omit<Segment, 'writer' | 'records' | 'header' | 'last'>;

/** Makes segments of at most a size out of the newest lines. */
export class SegmentMaker {
  readonly #encode: (uid: string) => string | undefined;
  readonly #writer: string;
  readonly #maxBytes: number;

  constructor({ encode, writer, maxBytes }: SegmentMakerOptions) {
    this.#encode = encode;
    this.#writer = writer;
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes uids until the segment is full.
   *
   * @param headers of the last segment, and of one after which more will come
   * @param forget whether objects that are no more need no line
   */
  make(
    plan: SegmentPlan,
    uids: Cursor<string>,
    headers: { readonly last: CheckpointHeader; readonly more: CheckpointHeader },
    forget: boolean,
  ): StoredSegment {
    const headerBytes = Math.max(...[headers.last, headers.more].map(bytesOf));
    // However long a header is, records come on.
    const room = Math.max(this.#maxBytes / 4, this.#maxBytes - ENVELOPE_BYTES - headerBytes);
    const packer = new RecordPacker(room);
    uids.takeWhile((uid) => {
      const line = this.#encode(uid);
      return (forget && line === undefined) || packer.add(uid, line);
    });
    const last = uids.done;
    const header = last ? headers.last : headers.more;
    return {
      segment: { ...plan, last, writer: this.#writer, header, records: packer.text() },
      uids: packer.uids,
      bytes: FRAME_BYTES + bytesOf(header) + packer.bytes,
    };
  }
}

function bytesOf(header: CheckpointHeader): number {
  return jsonBytes(JSON.stringify(header));
}
