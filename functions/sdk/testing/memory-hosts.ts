import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FunctionResult } from '../../../protocol/result.ts';
import { toAzure } from '../azure.ts';
import { toCloudFunction } from '../cloud-function.ts';
import type { StatewireFunction } from '../define-function.ts';
import type { ReceivedEvent } from '../event.ts';
import { toExpress } from '../express.ts';
import { toFetch } from '../fetch.ts';
import { toHttp, type HttpListener } from '../http.ts';
import type { HttpHostOptions } from '../host-options.ts';
import { toKnative } from '../knative.ts';
import { toLambda } from '../lambda.ts';
import { toOpenFaaS, type OpenFaaSContext } from '../openfaas.ts';

/** A host, by the subpath of its adapter. */
export type HostName =
  | 'lambda'
  | 'http'
  | 'express'
  | 'openfaas'
  | 'knative'
  | 'cloud-function'
  | 'azure'
  | 'fetch';

/** What a host answered. */
export interface HostAnswer {
  /** Undefined on Lambda. */
  readonly status?: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly result: FunctionResult;
}

/** Hands an event to a function as one host does, all in memory. */
type Drive = (fn: StatewireFunction, event: ReceivedEvent, options: HttpHostOptions) => Promise<HostAnswer>;

export const MEMORY_HOSTS: Readonly<Record<HostName, Drive>> = {
  lambda: async (fn, event, options) => {
    const context = { clientContext: { custom: { idempotencyKey: 'test' } } };
    return { headers: {}, result: asJson(await toLambda(fn, options as object)(asJson(event), context)) };
  },
  http: (fn, event, options) => listen(toHttp(fn, options), event),
  express: (fn, event, options) => listen(toExpress(fn, options), event),
  'cloud-function': (fn, event, options) => listen(toCloudFunction(fn, options), event),
  openfaas: async (fn, event, options) => {
    const { headers, body } = binaryForm(event);
    const answer = { status: 200, headers: {}, body: '' };
    const context: OpenFaaSContext = {
      status: (code) => Object.assign(context, void (answer.status = code)),
      headers: (values) => Object.assign(context, void (answer.headers = values)),
      succeed: (value) => (answer.body = String(value)),
    };
    await toOpenFaaS(fn, options)({ method: 'POST', headers, body: Buffer.from(body) }, context);
    return answered(answer.status, answer.headers, answer.body);
  },
  knative: async (fn, event, options) => {
    const { headers, body } = binaryForm(event);
    const answer = await toKnative(fn, options)({ method: 'POST', headers, rawBody: body });
    return answered(answer.statusCode, answer.headers, answer.body);
  },
  azure: async (fn, event, options) => {
    const { status, headers, body } = await toAzure(fn, options)(requestOf(event));
    return answered(status, headers, body);
  },
  fetch: async (fn, event, options) => {
    const response = await toFetch(fn, options)(requestOf(event));
    return answered(response.status, Object.fromEntries(response.headers), await response.text());
  },
};

function binaryForm({ data, ...attributes }: ReceivedEvent): {
  headers: Record<string, string>;
  body: string;
} {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': 'test' };
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== 'datacontenttype' && typeof value === 'string') headers[`ce-${name}`] = encodeURI(value);
  }
  return { headers, body: JSON.stringify(data) };
}

function requestOf(event: ReceivedEvent): Request {
  return new Request('http://function.test/', { method: 'POST', ...binaryForm(event) });
}

/** A request and a response of `node:http`, as far as our listeners use them. */
function listen(listener: HttpListener, event: ReceivedEvent): Promise<HostAnswer> {
  const { headers, body } = binaryForm(event);
  const request = Object.assign(Readable.from([Buffer.from(body)]), { method: 'POST', headers });
  return new Promise((resolve, reject) => {
    let head: { status: number; headers: Record<string, string> };
    const response = Object.assign(new EventEmitter(), {
      destroyed: false,
      writableEnded: false,
      writeHead(status: number, values: Record<string, string>) {
        head = { status, headers: values };
      },
      end(text: string) {
        response.writableEnded = true;
        try {
          resolve(answered(head.status, head.headers, text));
        } catch (error) {
          reject(error as Error);
        }
      },
    });
    listener(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
}

function answered(status: number, headers: Readonly<Record<string, string>>, body: string): HostAnswer {
  return { status, headers, result: JSON.parse(body) as FunctionResult };
}

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
