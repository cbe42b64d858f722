/** Tells the demo line by line, each with the time since the step began: in colour on a terminal, plain in a pipe. */
import { styleText } from 'node:util';

export class Narrator {
  readonly #stream: NodeJS.WriteStream;
  #sinceMs = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** A new chapter; times count from here. */
  chapter(title: string): void {
    this.#sinceMs = performance.now();
    this.#stream.write(`\n${this.#style('bold', title)}\n`);
  }

  /** Times count from now on. */
  startClock(): void {
    this.#sinceMs = performance.now();
  }

  /** Something that was seen. @param atMs when, on the clock of `performance.now`; now, where it is left out */
  saw(what: string, detail = '', atMs: number = performance.now()): void {
    const time = `${Math.max(0, Math.round(atMs - this.#sinceMs))} ms`.padStart(9);
    this.#stream.write(
      `${this.#style('dim', time)}  ${this.#style('green', '●')} ${what}${this.#detail(detail)}\n`,
    );
  }

  /** Something that the demo itself did. */
  did(what: string, detail = ''): void {
    this.#stream.write(`${' '.repeat(9)}  ${this.#style('cyan', '▸')} ${what}${this.#detail(detail)}\n`);
  }

  failed(what: string, lines: readonly string[]): void {
    this.#stream.write(`\n${this.#style('red', '✗')} ${what}\n`);
    for (const line of lines) this.#stream.write(`    ${line}\n`);
  }

  plain(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  #detail(detail: string): string {
    return detail === '' ? '' : `  ${this.#style('dim', detail)}`;
  }

  #style(style: 'bold' | 'dim' | 'green' | 'cyan' | 'red', text: string): string {
    return styleText(style, text, { stream: this.#stream });
  }
}
