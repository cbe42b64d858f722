/**
 * A small AI gateway, for trying this example: `ADMIN_PORT=8001 PORT=8000 node functions/ai-gateway/gateway.ts`.
 *
 * Admin API: `PUT`, `GET` and `DELETE /configs/NAMESPACE/NAME`. It refuses models that it has no licence for. Callers ask
 * `POST /NAMESPACE/NAME/PROMPT` with a text, and are told which model would get which text.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { RenderedConfig } from './render.ts';

const configs = new Map<string, RenderedConfig>();

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

function administer(method: string, path: string, body: string): Answer {
  const [, kind, key] = /^\/(configs)\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (kind === undefined || key === undefined) return { status: 404 };
  if (method === 'DELETE') return { status: configs.delete(key) ? 204 : 404 };
  if (method === 'GET') return configs.has(key) ? { status: 200, body: configs.get(key) } : { status: 404 };
  const config = JSON.parse(body) as RenderedConfig;
  const unlicensed = config.models.find(({ model }) => model.startsWith('unlicensed'));
  if (unlicensed !== undefined) return { status: 422, body: `no licence for ${unlicensed.model}` };
  configs.set(key, config);
  return { status: 204 };
}

function ask(path: string, input: string): Answer {
  const [, key = '', prompt = ''] = /^\/([^/]+\/[^/]+)\/([^/]+)$/.exec(path) ?? [];
  const config = configs.get(key);
  const template = config?.prompts[prompt];
  if (config === undefined || template === undefined) return { status: 404 };
  const route = config.routes.toSorted((a, b) => b.weight - a.weight)[0];
  const model = config.models.find(({ name }) => name === route?.model);
  return { status: 200, body: { model: model?.model, text: template.replace('{{input}}', input) } };
}

function serve(
  name: string,
  port: string | undefined,
  answer: (method: string, path: string, body: string) => Answer,
): Server {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { status, body: reply } = answer(request.method ?? '', request.url ?? '', body);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(reply === undefined ? undefined : JSON.stringify(reply));
    });
  });
  return server.listen(Number(port ?? 0), '127.0.0.1', () => {
    console.log(`${name} listening on ${(server.address() as AddressInfo).port}`);
  });
}

serve('gateway', process.env['PORT'], (_method, path, body) => ask(path, body));
serve('admin', process.env['ADMIN_PORT'], administer);
