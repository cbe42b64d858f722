/**
 * Which answers are expected, and who may give them: each invocation has an id and a token that only its function knows.
 * The key of the tokens lives as long as the process, so that nothing meant for the one before is taken.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CallbackAnswer, Callbacks, ExpectedCallback } from '../model/callbacks.ts';

const KEY_BYTES = 32;

export type Admission =
  /** No such id was ever given out, or the token is not its own. */
  | { readonly kind: 'unknown' }
  /** Answered already, or too late. */
  | { readonly kind: 'over' }
  | {
      readonly kind: 'expected';
      /** False where another answer was faster, or the time was over, while this one was read. */
      readonly accept: (answer: CallbackAnswer) => boolean;
    };

export class CallbackDesk implements Callbacks {
  readonly #baseUrl: string;
  readonly #key = randomBytes(KEY_BYTES);
  readonly #expected = new Map<string, (answer: CallbackAnswer) => void>();
  #given = 0;

  /** `baseUrl`: how functions reach the server, without a slash at its end. */
  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
  }

  /** Answers that are waited for. */
  get waiting(): number {
    return this.#expected.size;
  }

  expect({ idempotencyKey }: { readonly idempotencyKey: string }): ExpectedCallback {
    this.#given += 1;
    const id = `${idempotencyKey.slice(0, 16)}-${this.#given}`;
    const { promise, resolve } = Promise.withResolvers<CallbackAnswer>();
    this.#expected.set(id, resolve);
    const token = this.#tokenOf(id).toString('base64url');
    return {
      url: `${this.#baseUrl}/callbacks/${id}?token=${token}`,
      answer: promise,
      [Symbol.dispose]: () => void this.#expected.delete(id),
    };
  }

  /** Takes the same time whatever the token is. */
  admit(id: string, token: string): Admission {
    const given = Buffer.from(token, 'base64url');
    const own = this.#tokenOf(id);
    if (given.length !== own.length || !timingSafeEqual(given, own)) return { kind: 'unknown' };
    if (!this.#expected.has(id)) return { kind: 'over' };
    return {
      kind: 'expected',
      accept: (answer) => {
        const resolve = this.#expected.get(id);
        this.#expected.delete(id);
        resolve?.(answer);
        return resolve !== undefined;
      },
    };
  }

  #tokenOf(id: string): Buffer {
    return createHmac('sha256', this.#key).update(id).digest();
  }
}
