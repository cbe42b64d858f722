/**
 * A stand-in for a function on OpenFaaS: of-watchdog in mode http before the node template, as both behave by what was
 * measured of them (the template answers a throw with 200 and the error's text; the watchdog ends a call at
 * `exec_timeout` with 504 and refuses beyond `max_inflight` with 429, each marked `X-OpenFaaS-Internal`).
 */
import express, { type Request, type Response } from 'express';
import type { OpenFaaSContext, OpenFaaSHandler } from '../../functions/sdk/openfaas.ts';
import { serve, type Served } from './serve.ts';

export interface OpenFaaSOptions {
  /** `RAW_BODY` */
  readonly rawBody?: boolean;
  /** `exec_timeout`. @defaultValue 10 s, as in the template */
  readonly execTimeoutMs?: number;
  /** `max_inflight`. @defaultValue unlimited */
  readonly maxInflight?: number;
}

export function startOpenFaaSFunction(
  handler: OpenFaaSHandler | ((event: unknown, context: OpenFaaSContext) => unknown),
  { rawBody = false, execTimeoutMs = 10_000, maxInflight = Infinity }: OpenFaaSOptions = {},
): Promise<Served> {
  const app = express().disable('x-powered-by');
  let running = 0;
  app.use((request, response, next) => {
    const refuse = (status: number, by: string, text: string): void => {
      if (response.headersSent) return;
      response.status(status).set('X-OpenFaaS-Internal', by).end(text);
    };
    if (running >= maxInflight) {
      refuse(429, 'faas-middleware', 'Concurrent request limit exceeded');
      return;
    }
    running++;
    const timer = setTimeout(() => refuse(504, 'of-watchdog', ''), execTimeoutMs);
    response.once('close', () => {
      running--;
      clearTimeout(timer);
    });
    request.headers['content-type'] ??= 'text/plain';
    next();
  });
  if (rawBody) app.use(express.raw({ type: '*/*' }));
  else app.use(express.text({ type: 'text/*' }), express.json(), express.urlencoded({ extended: true }));
  app.use((request, response) => void call(handler, request, response));
  return serve(app);
}

async function call(
  handler: (event: never, context: OpenFaaSContext) => unknown,
  { body, headers, method, query, path }: Request,
  response: Response,
): Promise<void> {
  let status = 200;
  let values = {};
  let answered = false;
  const send = (value: unknown): void => {
    answered = true;
    if (response.headersSent) return;
    const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
    response.set(values).status(status).send(text);
  };
  const context = {
    status: (code: number) => Object.assign(context, void (status = code)),
    headers: (more: object) => Object.assign(context, void (values = more)),
    succeed: send,
    fail: (error: unknown) => {
      if (status === 200) status = 500;
      send(String(error));
    },
  };
  try {
    const returned = await handler({ body: body as unknown, headers, method, query, path } as never, context);
    if (!answered) send(returned);
  } catch (error) {
    if (!response.headersSent) response.status(status).send(String(error));
  }
}
