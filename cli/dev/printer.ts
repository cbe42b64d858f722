/** Lines on a terminal: the time, a sign, what happened; details below it. */

type Color = 'dim' | 'green' | 'yellow' | 'red' | 'blue';

const CODES: Readonly<Record<Color, string>> = {
  dim: '90',
  green: '32',
  yellow: '33',
  red: '31',
  blue: '36',
};
const INDENT = ' '.repeat(15);

export class Printer {
  readonly #write: (text: string) => void;
  readonly #color: boolean;
  readonly #now: () => Date;

  constructor(options: {
    readonly write: (text: string) => void;
    readonly color: boolean;
    /** @defaultValue the clock of this computer */
    readonly now?: () => Date;
  }) {
    this.#write = options.write;
    this.#color = options.color;
    this.#now = options.now ?? ((): Date => new Date());
  }

  /** One line, and one more for each detail. */
  tell(sign: string, color: Color, text: string, details: readonly string[] = []): void {
    const now = this.#now();
    const time = `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`;
    this.#write(
      `${this.#paint('dim', time)} ${this.#paint(color, sign)} ${plain(text)}\n${this.#indented(details)}`,
    );
  }

  /** Details of what was told last. */
  below(details: readonly string[]): void {
    this.#write(this.#indented(details));
  }

  #indented(details: readonly string[]): string {
    const lines = details.flatMap((one) => one.split('\n'));
    return lines.map((line) => `${INDENT}${this.#paint('dim', plain(line))}\n`).join('');
  }

  #paint(color: Color, text: string): string {
    return this.#color ? `\u001B[${CODES[color]}m${text}\u001B[0m` : text;
  }
}

/** Without control characters: text from outside must not move the cursor. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}
