/**
 * `POST /callbacks/<id>`: what functions say later. Whoever asks is not trusted: the token is checked before a byte of
 * the body is read, the body is counted before it is looked at, and the answer tells nothing but whether it was taken.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { closeServer, listen } from '../lib/http-listener.ts';
import type { Logger } from '../lib/logger.ts';
import { formatAddress, type ListenAddress } from '../model/listen-address.ts';
import type { Meter } from '../model/metrics.ts';
import { CallbackDesk } from './callback-desk.ts';

/** As much as is read of a reply. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 16_384;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 1024;

/** Ids as `CallbackDesk` makes them. */
const PATH = /^\/callbacks\/([0-9a-f]{1,16}-\d{1,16})$/;

export interface CallbackServerOptions {
  readonly address: ListenAddress;
  readonly desk: CallbackDesk;
  readonly clock: Pick<Clock, 'after'>;
  readonly logger: Logger;
  readonly meter: Meter;
}

export interface CallbackServer {
  /** `host:port` as it really is. */
  readonly address: string;
  /** Ends within a second, whatever a client does. */
  close(): Promise<void>;
}

/** The desk with its server; undefined where no address is set. */
export async function openCallbacks(
  options: { readonly address: ListenAddress; readonly url: string } | undefined,
  rest: Pick<CallbackServerOptions, 'clock' | 'logger' | 'meter'>,
): Promise<(CallbackServer & { readonly desk: CallbackDesk }) | undefined> {
  if (options === undefined) return undefined;
  const desk = new CallbackDesk(options.url);
  const server = await startCallbackServer({ ...rest, address: options.address, desk });
  return { ...server, desk };
}

/** Rejects with a ConfigError for `--callback-address` where nothing can listen there. */
async function startCallbackServer(options: CallbackServerOptions): Promise<CallbackServer> {
  const { desk, meter, logger, clock } = options;
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      void take(request, desk).then((status) => {
        const result = status === 204 ? 'accepted' : 'refused';
        meter.count('statewire_callbacks_total', { result });
        end(response, status);
      });
    },
  );
  // Without a word of leave before the body: what will be refused need not be sent.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (admit(request, desk).kind === 'expected') response.writeContinue();
    server.emit('request', request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options.address, '--callback-address');
  const { address: host, port } = server.address() as AddressInfo;
  const address = formatAddress({ host, port });
  logger.info('callback server listening', { address });
  let closed: Promise<void> | undefined;
  return { address, close: () => (closed ??= closeServer(server, clock)) };
}

/** The status to answer with. */
async function take(request: IncomingMessage, desk: CallbackDesk): Promise<number> {
  const admission = admit(request, desk);
  if (admission.kind === 'unknown') return 404;
  if (request.method !== 'POST') return 405;
  if (admission.kind === 'over') return 410;
  const body = await readBody(request);
  if (typeof body === 'number') return body;
  const { headers } = request;
  return admission.accept({ status: functionStatus(request), headers, body }) ? 204 : 410;
}

function admit(request: IncomingMessage, desk: CallbackDesk): ReturnType<CallbackDesk['admit']> {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const id = PATH.exec(path)?.[1];
  const bearer = /^Bearer (.*)$/i.exec(request.headers.authorization ?? '')?.[1];
  const token = bearer ?? new URLSearchParams(query).get('token') ?? '';
  return id === undefined ? { kind: 'unknown' } : desk.admit(id, token);
}

/** The body, or the status that says why there is none. */
async function readBody(request: IncomingMessage): Promise<Buffer | number> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return 413;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Not destroyed on the way out: there is an answer to send.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) return 413;
      chunks.push(chunk);
    }
  } catch {
    return 400; // the connection broke; nobody reads this
  }
  return Buffer.concat(chunks);
}

/** OpenFaaS tells what the function answered with; without that the function has spoken for itself. */
function functionStatus({ headers }: IncomingMessage): number {
  const said = headers['x-function-status'];
  const status = typeof said === 'string' && /^[1-9]\d\d$/.test(said) ? Number(said) : 200;
  return status < 200 ? 200 : status;
}

function end(response: ServerResponse, status: number): void {
  if (response.destroyed) return;
  response.statusCode = status;
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-length', 0);
  if (status === 405) response.setHeader('allow', 'POST');
  // What was not read of the body is not waited for.
  if (status !== 204) response.setHeader('connection', 'close');
  response.end();
}
