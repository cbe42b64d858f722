/**
 * A sample application: `FLAGS_FOLDER=/var/run/flags PORT=8080 node functions/feature-flag/app.ts`.
 *
 * `GET /flags/NAME?user=USER` tells whether the user sees it. It reads its flags at start, on SIGHUP and on `POST /reload`.
 */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Flags } from './flags.ts';

const flags = new Flags(process.env['FLAGS_FOLDER'] ?? '/var/run/flags');

process.on('SIGHUP', () => {
  flags.reload();
  console.log('reloaded by a signal');
});

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'POST' && url.pathname === '/reload') {
    flags.reload();
    console.log('reloaded by a call');
    response.writeHead(204).end();
    return;
  }
  const name = /^\/flags\/([^/]+)$/.exec(url.pathname)?.[1];
  if (name === undefined) {
    response.writeHead(404).end();
    return;
  }
  const on = flags.isOn(name, url.searchParams.get('user') ?? '');
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ on }));
});

server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => {
  const pidFile = process.env['PID_FILE'];
  if (pidFile !== undefined) writeFileSync(pidFile, `${process.pid}\n`);
  console.log(`listening on ${(server.address() as AddressInfo).port}`);
});
