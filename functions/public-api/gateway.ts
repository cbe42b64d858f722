/**
 * A small API gateway, for trying this example: `ADMIN_PORT=8001 PORT=8000 node functions/public-api/gateway.ts`.
 *
 * Admin API: `GET /apis/KEY/routes`, `PUT` and `DELETE /apis/KEY/routes/NAME`. It refuses a path that another route has.
 * Callers get a text that tells the upstream; 401 where a policy asks for credentials that they do not show.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { GatewayRoute } from './desired.ts';

const apis = new Map<string, Map<string, GatewayRoute>>();

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

function administer({ method, url }: IncomingMessage, body: string): Answer {
  const [, key = '', name] = /^\/apis\/([^/]+)\/routes(?:\/([^/]+))?$/.exec(url ?? '') ?? [];
  const routes = apis.get(key) ?? new Map<string, GatewayRoute>();
  apis.set(key, routes);
  if (method === 'GET') return { status: 200, body: Object.fromEntries(routes) };
  if (name === undefined) return { status: 404 };
  if (method === 'DELETE') return { status: routes.delete(name) ? 204 : 404 };
  const route = JSON.parse(body) as GatewayRoute;
  for (const [otherKey, others] of apis) {
    for (const [otherName, other] of others) {
      if (other.path !== route.path || (otherKey === key && otherName === name)) continue;
      return { status: 409, body: `${route.path} belongs to ${otherKey}` };
    }
  }
  routes.set(name, route);
  return { status: 204 };
}

function serveCaller({ method = '', url, headers }: IncomingMessage): Answer {
  for (const routes of apis.values()) {
    for (const route of routes.values()) {
      if (route.path !== url || !route.methods.includes(method)) continue;
      const asks = Object.values(route.policies).some(({ auth = 'None' }) => auth !== 'None');
      if (asks && headers.authorization === undefined) return { status: 401 };
      return { status: 200, body: route.upstream };
    }
  }
  return { status: 404 };
}

function serve(
  name: string,
  port: string | undefined,
  answer: (request: IncomingMessage, body: string) => Answer,
): Server {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { status, body: reply } = answer(request, body);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(reply === undefined ? undefined : JSON.stringify(reply));
    });
  });
  return server.listen(Number(port ?? 0), '127.0.0.1', () => {
    console.log(`${name} listening on ${(server.address() as AddressInfo).port}`);
  });
}

serve('gateway', process.env['PORT'], serveCaller);
serve('admin', process.env['ADMIN_PORT'], administer);
