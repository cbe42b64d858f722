/** What the temporary trigger calls: hands each event to the version of the function that serves, and shows both ways. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { messageOf } from '../../forwarder/lib/errors.ts';
import { describeAnswer, describeEvent } from './describe-call.ts';
import type { Printer } from './printer.ts';
import type { Serving } from './versions.ts';

export interface RelayOptions {
  readonly serving: () => Promise<Serving>;
  readonly printer: Printer;
  readonly verbose: boolean;
}

export class Relay implements AsyncDisposable {
  readonly #options: RelayOptions;
  readonly #server: Server;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer((incoming, outgoing) => {
      void this.#take(incoming, outgoing).catch((error: unknown) => {
        options.printer.tell('✖', 'red', `no answer: ${messageOf(error)}`);
        // As where a connection is lost: nobody knows what the function has done.
        outgoing.destroy();
      });
    });
  }

  /** Resolves to the URL for the trigger. */
  listen(): Promise<string> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`),
      ),
    );
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { printer, serving, verbose } = this.#options;
    const body = await buffer(incoming);
    const event = describeEvent(incoming.headers, body.toString(), verbose);
    printer.tell('▸', 'blue', event.line, event.details);
    const { process, port } = await serving();
    const leave = process.enter();
    const startedMs = performance.now();
    try {
      const answer = await exchange(port, incoming, body, outgoing);
      const { line, details, isError } = describeAnswer(answer.status, answer.body.toString(), verbose);
      const took = `in ${(performance.now() - startedMs).toFixed(0)} ms`;
      printer.tell(isError ? '✖' : '◂', isError ? 'red' : 'green', `${line}  ${took}`, details);
      outgoing.writeHead(answer.status, answer.headers);
      outgoing.end(answer.body);
    } finally {
      leave();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** One request to the function; ends with the one it is made for. */
async function exchange(
  port: number,
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
  const hungUp = new AbortController();
  outgoing.once('close', () => hungUp.abort(new Error('the call took too long')));
  const { method, url: path, headers } = incoming;
  return await new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, headers, signal: hungUp.signal });
    call.once('error', (error) => reject(hungUp.signal.aborted ? (hungUp.signal.reason as Error) : error));
    call.once('response', (answer) => {
      buffer(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes }),
        reject,
      );
    });
    call.end(body);
  });
}
