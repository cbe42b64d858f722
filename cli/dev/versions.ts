/** The versions of a function, one after the other: a save loads the next one, and the last good one serves meanwhile. */
import type { FunctionKind } from './function-messages.ts';
import { FunctionProcess } from './function-process.ts';
import { digestOf, FileWatch } from './watch-files.ts';

export interface Serving {
  readonly process: FunctionProcess;
  readonly port: number;
  readonly kind: FunctionKind;
}

export interface VersionsOptions {
  readonly file: string;
  readonly export: string | undefined;
  /** What the function writes. */
  readonly print: (line: string) => void;
  /** A version serves; `isFirst` where none did before. */
  readonly loaded: (serving: Serving, isFirst: boolean) => void;
  readonly failed: (message: string, isServing: boolean) => void;
  /** The process of the current version ended by itself. */
  readonly crashed: (how: string) => void;
}

export class Versions implements AsyncDisposable {
  readonly #options: VersionsOptions;
  readonly #watch: FileWatch;
  #current: Serving | undefined;
  /** Who waits for a version that serves. */
  #next = Promise.withResolvers<Serving>();
  #loading: Promise<void> = Promise.resolve();
  #pending = false;
  #stopped = false;
  readonly #all = new Set<FunctionProcess>();

  constructor(options: VersionsOptions) {
    this.#options = options;
    this.#watch = new FileWatch(() => this.#load());
    this.#watch.follow(new Map([[options.file, digestOf(options.file)]]), true);
    this.#load();
  }

  /** The version that takes calls; while none can, the next one. A process that ended is started again. */
  serving(): Promise<Serving> {
    const current = this.#current;
    if (current === undefined) return this.#next.promise;
    if (current.process.running) return Promise.resolve(current);
    this.#current = undefined;
    this.#next = Promise.withResolvers();
    this.#load();
    return this.#next.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#watch.stop();
    await Promise.all([...this.#all].map((one) => one.kill()));
  }

  /** One at a time, and once more where a save came meanwhile. */
  #load(): void {
    if (this.#pending || this.#stopped) return;
    this.#pending = true;
    this.#loading = this.#loading.then(async () => {
      this.#pending = false;
      if (!this.#stopped) await this.#start();
    });
  }

  async #start(): Promise<void> {
    const { file, loaded, failed, print } = this.#options;
    // The file itself is among those that were loaded only once it was found.
    const files = new Map([[file, digestOf(file)]]);
    const process = new FunctionProcess({
      file,
      export: this.#options.export,
      print,
      loads: (path) => {
        files.set(path, digestOf(path));
        if (!this.#stopped && this.#current?.process === process) this.#watch.add(path);
      },
    });
    this.#all.add(process);
    void process.ended().then((how) => this.#ended(process, how));
    const start = await process.started();
    if (this.#stopped) return;
    this.#watch.follow(files, start.type === 'failed');
    if (start.type === 'failed') {
      await process.kill();
      failed(start.message, this.#current !== undefined);
      return;
    }
    const before = this.#current;
    const serving: Serving = { process, port: start.port, kind: start.kind };
    this.#current = serving;
    this.#next.resolve(serving);
    before?.process.retire();
    loaded(serving, before === undefined);
  }

  #ended(process: FunctionProcess, how: string): void {
    this.#all.delete(process);
    if (!this.#stopped && this.#current?.process === process) this.#options.crashed(how);
  }
}
