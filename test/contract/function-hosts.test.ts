/** Hosts that are a web server: `node:http`, express, the fetch API. */
import { Readable } from 'node:stream';
import type { RequestListener } from 'node:http';
import express from 'express';
import { toExpress } from '../../functions/sdk/express.ts';
import { toFetch, type FetchHandler } from '../../functions/sdk/fetch.ts';
import { toHttp } from '../../functions/sdk/http.ts';
import { contractFunction, plain, signed } from '../fixtures/function-hosts/contract-function.ts';
import { serve } from '../support/serve.ts';
import { functionHostContract } from './function-host.contract.ts';

functionHostContract({
  name: 'node:http',
  start: () => serve(toHttp(contractFunction, plain)),
  startSigned: () => serve(toHttp(contractFunction, signed)),
});

functionHostContract({
  name: 'express',
  start: () => serve(express().use(toExpress(contractFunction, plain))),
  startSigned: () => serve(express().use(toExpress(contractFunction, signed))),
});

functionHostContract({
  name: 'fetch',
  start: () => serve(fetchListener(toFetch(contractFunction, plain))),
  startSigned: () => serve(fetchListener(toFetch(contractFunction, signed))),
});

/** What servers of fetch handlers do: Node's own Request and Response, bodies as streams. */
function fetchListener(handler: FetchHandler): RequestListener {
  return (incoming, outgoing) => {
    const request = new Request(`http://function.test${incoming.url}`, {
      method: incoming.method ?? 'GET',
      headers: incoming.headers as Record<string, string>,
      ...(incoming.method === 'POST' && { body: Readable.toWeb(incoming), duplex: 'half' }),
    });
    void handler(request).then(async (response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(await response.text());
      incoming.resume();
    });
  };
}
