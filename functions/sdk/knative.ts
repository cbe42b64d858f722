import type { IncomingHttpHeaders } from 'node:http';
import { createHash } from 'node:crypto';
import { RESULT_EVENT_TYPE } from '../../protocol/result.ts';
import type { StatewireFunction } from './define-function.ts';
import { checkedOptions, type HttpHostOptions } from './host-options.ts';
import { answerHttp } from './http-exchange.ts';

/** What is used of the context that Knative's runtime for Node.js functions passes. */
export interface KnativeContext {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** What the runtime's parsers made of the body. */
  readonly body?: unknown;
  /** The text of the body, where func.yaml has `includeRaw: true`. */
  readonly rawBody?: unknown;
}

/** An answer in the form that the runtime sends as it is. */
export interface KnativeResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export type KnativeHandler = (context: KnativeContext) => Promise<KnativeResponse>;

/**
 * The function for Knative's runtime for Node.js (`faas-js-runtime`): `export const handle = toKnative(fn)`.
 *
 * Takes events in both modes, of 1 MiB unless func.yaml says otherwise (`bodyLimit`). To a sender that asks for a reply
 * (`Prefer: reply`, as brokers and channels do) a result is an event itself, of type `dev.statewire.function.result`;
 * errors are a status, so that Knative's own retries and dead letters work.
 */
export function toKnative(fn: StatewireFunction, options: HttpHostOptions = {}): KnativeHandler {
  const checked = checkedOptions(options);
  return async ({ method, headers, body, rawBody }) => {
    const { status, ...answer } = await answerHttp(
      fn,
      {
        method,
        headers,
        readBody: () => (typeof rawBody === 'string' ? rawBody : body),
        rawBodyHint: 'set includeRaw: true in func.yaml',
      },
      checked,
    );
    const reply = status === 200 && asksForReply(headers) ? replyAttributes(headers, answer.body) : {};
    return {
      statusCode: status,
      headers: { ...(answer.headers as Record<string, string>), ...reply },
      body: answer.body,
    };
  };
}

function asksForReply({ prefer }: IncomingHttpHeaders): boolean {
  return String(prefer ?? '')
    .split(',')
    .some((one) => one.trim().toLowerCase() === 'reply');
}

/** The result as an event in binary mode; the same answer to the same event has the same id. */
function replyAttributes(headers: IncomingHttpHeaders, body: string): Record<string, string> {
  const subject = headers['ce-subject'];
  const asked = `${String(headers['ce-source'])}\n${String(headers['ce-id'])}`;
  return {
    'ce-specversion': '1.0',
    'ce-type': RESULT_EVENT_TYPE,
    'ce-source': 'statewire://function',
    'ce-id': createHash('sha256').update(`${asked}\n${body}`).digest('hex'),
    ...(typeof subject === 'string' && { 'ce-subject': subject }),
  };
}
