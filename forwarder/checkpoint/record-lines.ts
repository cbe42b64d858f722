/** The text of a segment's records: `<uid>\t<line>\n`, with `-` for an object that is no more. */

const TOMBSTONE = '-';
const NEWLINE = 10;
const TAB = 9;
/** Of tab and newline, escaped in JSON. */
const SEPARATOR_BYTES = 4;

/** Collects lines until a segment is full. */
export class RecordPacker {
  readonly uids: string[] = [];
  /** As JSON text. */
  bytes = 0;
  readonly #lines: string[] = [];
  readonly #maxBytes: number;

  /** @param maxBytes of the records as JSON text; one record goes in however long it is */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Returns false where there is no room for it.
   *
   * @param line without line breaks; undefined where the object is no more
   */
  add(uid: string, line: string | undefined): boolean {
    const text = line ?? TOMBSTONE;
    const bytes = jsonBytes(uid) + jsonBytes(text) + SEPARATOR_BYTES;
    if (this.uids.length > 0 && this.bytes + bytes > this.#maxBytes) return false;
    this.uids.push(uid);
    this.#lines.push(`${uid}\t${text}\n`);
    this.bytes += bytes;
    return true;
  }

  text(): string {
    return this.#lines.join('');
  }
}

/** How long a text is in JSON, without its quotes. */
export function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

/**
 * Tells each record in its order; `line` is undefined where the object is no more. The texts are copies: a slice would
 * keep the whole segment in memory for as long as anybody holds a uid.
 */
export function readRecords(records: string, tell: (uid: string, line: string | undefined) => void): void {
  const bytes = Buffer.from(records);
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const tab = bytes.indexOf(TAB, start);
    if (tab > start && tab < end) {
      const line = bytes.toString('utf8', tab + 1, end);
      tell(bytes.toString('utf8', start, tab), line === TOMBSTONE ? undefined : line);
    }
    start = end + 1;
  }
}
