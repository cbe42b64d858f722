/** `/healthz`, `/readyz` and `/metrics` over HTTP, for kubelet and Prometheus. Nothing else, and nothing can be changed. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type Response } from 'express';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { closeServer, listen } from '../lib/http-listener.ts';
import type { Logger } from '../lib/logger.ts';
import { formatAddress, type ListenAddress } from '../model/listen-address.ts';
import type { Health } from './health.ts';

export interface AdminServerOptions {
  readonly address: ListenAddress;
  readonly health: Health;
  readonly metrics: { readonly contentType: string; expose(): Promise<string> };
  readonly clock: Pick<Clock, 'after'>;
  readonly logger: Logger;
}

export interface AdminServer extends AsyncDisposable {
  /** `host:port` as it really is. */
  readonly address: string;
  /** Ends within a second, whatever a client does. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000; // above Prometheus' usual 15 s and 30 s between scrapes
const MAX_HEADER_BYTES = 8192;
const MAX_CONNECTIONS = 128;

/** Rejects with a ConfigError for `--admin-address` where nothing can listen there. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { address: wanted, clock, logger } = options;
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    createApp(options),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, wanted, '--admin-address');
  const { address: host, port } = server.address() as AddressInfo;
  const address = formatAddress({ host, port });
  logger.info('admin server listening', { address });

  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= closeServer(server, clock));
  return { address, close, [Symbol.asyncDispose]: close };
}

function createApp({ health, metrics, logger }: AdminServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') next();
    else sendText(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed');
  });
  app.get('/healthz', (_request, response) => sendText(response, 200, 'ok'));
  app.get('/readyz', (_request, response) => {
    const { ok, reasons } = health.ready();
    send(response, ok ? 200 : 503, 'application/json', `${JSON.stringify({ ready: ok, reasons })}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    const text = await metrics.expose();
    send(response, 200, metrics.contentType, text);
  });
  app.use((_request, response) => sendText(response, 404, 'not found'));
  // Four parameters make it express' error handler.
  app.use((error: unknown, _request: unknown, response: Response, _next: unknown) => {
    logger.error('admin request failed', { error: messageOf(error) });
    if (response.headersSent) response.destroy();
    else sendText(response, 500, 'internal error');
  });
  return app;
}

function sendText(response: Response, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

// Not response.send: it would load tables of media types that the bundle leaves out.
function send(response: Response, status: number, contentType: string, body: string): void {
  response.statusCode = status;
  response.setHeader('content-type', contentType);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.end(body);
}
