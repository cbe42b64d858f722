/** The three functions as a web server: `GATEWAY_ADMIN_URL=… PORT=8080 node functions/public-api/http.ts`. */
import { createServer } from 'node:http';
import { toHttp } from '@statewire/functions/http';
import { apiPolicy, apiRoute } from './parts.ts';
import { publicApi } from './public-api.ts';

const listeners = new Map([
  ['/public-api', toHttp(publicApi)],
  ['/api-route', toHttp(apiRoute)],
  ['/api-policy', toHttp(apiPolicy)],
]);

createServer((request, response) => {
  const listener = listeners.get(request.url ?? '');
  if (listener === undefined) response.writeHead(404).end();
  else listener(request, response);
}).listen(Number(process.env['PORT'] ?? 8080));
