/** Results that come later, over a connection of the function's own: the port between targets and the callback server. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Invocation } from './invocation.ts';

/** What a function said later. */
export interface CallbackAnswer {
  /** The function's own status where its host tells it (`X-Function-Status`), else 200. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A place for one answer. What comes after it is disposed, or a second time, is refused. */
export interface ExpectedCallback extends Disposable {
  /** Where the answer is to be POSTed. Whoever has it may answer, once: it is shown to nobody but the function. */
  readonly url: string;
  /** Never rejects. */
  readonly answer: Promise<CallbackAnswer>;
}

export interface Callbacks {
  expect(invocation: Pick<Invocation, 'idempotencyKey'>): ExpectedCallback;
}
