/**
 * A child process that runs one export of a module in Knative's runtime for Node.js: `node knative-runtime.ts PACKAGE MODULE
 * EXPORT RAW`. Prints its port. The runtime listens everywhere; here it is kept to loopback.
 */
import { createRequire } from 'node:module';
import { type AddressInfo, type ListenOptions, Server } from 'node:net';

const [, , folder = '', file = '', name = '', raw] = process.argv;

// `listen` is called with options by the runtime's web server.
// oxlint-disable-next-line typescript/unbound-method
const listen = Server.prototype.listen as (
  this: Server,
  options: ListenOptions,
  ...rest: unknown[]
) => Server;
Server.prototype.listen = function (this: Server, options: ListenOptions, ...rest: unknown[]) {
  return listen.call(this, { ...options, host: '127.0.0.1' }, ...rest);
} as typeof Server.prototype.listen;

const { start } = createRequire(`${folder}/package.json`)('faas-js-runtime') as {
  start: (handle: unknown, options: object) => Promise<Server>;
};
const module = (await import(file)) as Readonly<Record<string, unknown>>;
const server = await start(module[name], { port: '0', logLevel: 'silent', includeRaw: raw === 'raw' });
console.log(`listening on ${(server.address() as AddressInfo).port}`);
