/** The same function as a web server, for any host that runs one: `PORT=8080 node functions/application/http.ts`. */
import { createServer } from 'node:http';
import { toHttp } from '@statewire/functions/http';
import { application } from './application.ts';

createServer(toHttp(application)).listen(Number(process.env['PORT'] ?? 8080));
