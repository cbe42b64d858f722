/**
 * What an API server once sent of one kind: a list, changes, an end by compaction, a list of what has become of it, and
 * changes again. As a StreamPort that cuts all that off once after a given byte, and goes on as a server does.
 */
import { Readable } from 'node:stream';
import { ApiError } from '../../forwarder/lib/errors.ts';
import type { StreamPort, StreamRequest } from '../../forwarder/kube/stream-port.ts';
import { statusBody } from './fake-apiserver.ts';

interface Line {
  readonly version: number;
  readonly text: string;
}

/** From one list to the next. */
interface Part {
  /** Version of the list. */
  readonly version: number;
  readonly objects: readonly string[];
  readonly lines: readonly Line[];
  /** Whether it ends because the server has compacted its history. */
  readonly expires: boolean;
}

const EXPIRED = `{"type":"ERROR","object":${statusBody(410, 'Expired')}}\n`;
const SPECS = ['"ä"', '{"n":"𝄞"}', '["}{\\"\\\\"]', '"\u2028日本"', '{"a":{"b":[1e400,"\\ud83d"]}}'];

/** Writes down what happens to some objects. */
class Recording {
  readonly parts: Part[] = [];
  #version = 10;
  #lives = 0;
  #lines: Line[] = [];
  readonly #objects = new Map<string, { readonly uid: string; readonly text: string }>();
  #listed: Pick<Part, 'version' | 'objects'> = { version: 10, objects: [] };

  get objects(): readonly string[] {
    return [...this.#objects].map(([name, { uid }]) => `${uid} ${name}`).toSorted();
  }

  put(name: string): void {
    const known = this.#objects.get(name);
    const uid = known?.uid ?? `u${++this.#lives}`;
    const text = this.#text(name, uid, ++this.#version);
    this.#objects.set(name, { uid, text });
    this.#say(known === undefined ? 'ADDED' : 'MODIFIED', text);
  }

  remove(name: string): void {
    const { uid = '' } = this.#objects.get(name) ?? {};
    this.#objects.delete(name);
    this.#say('DELETED', this.#text(name, uid, ++this.#version));
  }

  bookmark(): void {
    this.#say('BOOKMARK', `{"metadata":{"resourceVersion":"${++this.#version}"}}`);
  }

  /** A type that this program does not know. */
  future(): void {
    this.#say('REPLACED', '[1]');
  }

  /** What was said so far can be asked for only until now. @param unseen happens before the next list */
  compact(unseen: () => void): void {
    this.parts.push({ ...this.#listed, lines: this.#lines, expires: true });
    this.#lines = [];
    unseen();
    this.list();
  }

  list(): void {
    const objects = [...this.#objects.values()].map(({ text }) => text);
    this.#listed = { version: this.#version, objects };
    this.#lines = [];
  }

  end(): readonly Part[] {
    return [...this.parts, { ...this.#listed, lines: this.#lines, expires: false }];
  }

  #text(name: string, uid: string, version: number): string {
    const spec = SPECS[version % SPECS.length] ?? '';
    return `{"metadata":{"name":"${name}","namespace":"ö","resourceVersion":"${version}","uid":"${uid}"},"spec":${spec}}`;
  }

  #say(type: string, object: string): void {
    const space = this.#version % 7 === 0 ? '\r\n' : '\n';
    this.#lines.push({ version: this.#version, text: `{"type":"${type}","object":${object}}${space}` });
  }
}

/** Fifty events, a compaction in between. */
function record(recording: Recording): readonly Part[] {
  const busy = (names: readonly string[]): void => {
    const [a = '', b = '', c = ''] = names;
    for (const name of names) recording.put(name);
    recording.put(a);
    recording.bookmark();
    recording.remove(b);
    recording.put(b);
    recording.put(a);
    recording.future();
    recording.remove(c);
    recording.bookmark();
    recording.put(a);
    recording.put(b);
    recording.put(c);
    recording.remove(b);
    recording.put(c);
    recording.bookmark();
  };
  for (const name of ['a', 'b', 'e']) recording.put(name);
  recording.list();
  busy(['a', 'b', 'c', 'd']);
  recording.put('f');
  recording.put('f');
  recording.compact(() => {
    recording.remove('a');
    recording.put('a');
    recording.remove('d');
    recording.put('e');
    recording.put('g');
    recording.put('h');
    recording.remove('h');
  });
  busy(['b', 'a', 'h', 'é']);
  recording.remove('g');
  recording.put('e');
  busy(['h', 'c', 'b']);
  return recording.end();
}

const RECORDING = new Recording();
const PARTS: readonly Part[] = record(RECORDING);

export class RecordedWatch implements StreamPort {
  /** Requests, by what they ask for. */
  readonly opened = { stream: 0, pages: 0, watch: 0 };
  /** Bytes of all answers so far. */
  sent = 0;
  /** Whether the cut has been made. */
  done = false;
  readonly #cut: { readonly afterBytes: number; readonly how: 'reset' | 'end' };
  readonly #streaming: boolean;
  #part = 0;

  constructor(options: {
    /** Of all answers together. */
    readonly afterBytes: number;
    /** By taking the connection away, or as if the answer were over. */
    readonly how: 'reset' | 'end';
    /** Whether streaming lists are known. */
    readonly streaming: boolean;
  }) {
    this.#cut = options;
    this.#streaming = options.streaming;
  }

  /** Version of the last event. */
  static get lastVersion(): string {
    return String(PARTS.at(-1)?.lines.at(-1)?.version);
  }

  /** uid and name of what exists in the end, in their order. */
  static get objects(): readonly string[] {
    return RECORDING.objects;
  }

  static get events(): number {
    return PARTS.reduce((events, { lines }) => events + lines.length, 0);
  }

  async open({ query, path, signal }: StreamRequest): Promise<Readable> {
    const part = PARTS[this.#part] as Part;
    if (query['watch'] !== 'true') {
      this.opened.pages += 1;
      const list = `{"kind":"List","metadata":{"resourceVersion":"${part.version}"},"items":[${part.objects.join()}]}`;
      return this.#answer(list, true, signal);
    }
    if (query['sendInitialEvents'] === 'true') {
      this.opened.stream += 1;
      if (!this.#streaming) throw new ApiError('API_INVALID', `GET ${path}: 422`, { status: 422 });
      const added = part.objects.map((object) => `{"type":"ADDED","object":${object}}\n`).join('');
      const metadata = `{"resourceVersion":"${part.version}","annotations":{"k8s.io/initial-events-end":"true"}}`;
      return this.#watch(`${added}{"type":"BOOKMARK","object":{"metadata":${metadata}}}\n`, part, 0, signal);
    }
    this.opened.watch += 1;
    const from = Number(query['resourceVersion']);
    return from < part.version ? this.#answer(EXPIRED, true, signal) : this.#watch('', part, from, signal);
  }

  #watch(before: string, { lines, expires }: Part, from: number, signal: AbortSignal): Readable {
    const text = before + lines.flatMap((line) => (line.version > from ? [line.text] : [])).join('');
    if (!expires) return this.#answer(text, false, signal);
    const expiresAt = this.sent + Buffer.byteLength(text);
    const body = this.#answer(text + EXPIRED, true, signal);
    // Whoever has seen a byte of that may ask again, and finds nothing left.
    if (this.sent > expiresAt) this.#part += 1;
    return body;
  }

  /** @param ends whether that is all; otherwise the answer goes on, with nothing more to say */
  #answer(text: string, ends: boolean, signal: AbortSignal): Readable {
    const bytes = Buffer.from(text);
    const left = this.#cut.afterBytes - this.sent;
    const cut = !this.done && left <= bytes.length;
    const said = cut ? bytes.subarray(0, left) : bytes;
    this.done ||= cut;
    this.sent += said.length;
    const chunks = said.length === 0 ? [] : [said];
    const { how } = this.#cut;
    return new Readable({
      signal,
      // What has been said arrives before the end does.
      highWaterMark: 1,
      read() {
        const chunk = chunks.shift();
        if (chunk !== undefined) this.push(chunk);
        else if (cut && how === 'reset') this.destroy(new Error('read ECONNRESET'));
        else if (cut || ends) this.push(null);
      },
    });
  }
}
