/** The function as a web server: `PORT=8080 node functions/my-resource/http.ts`. */
import { createServer } from 'node:http';
import { toHttp } from '@statewire/functions/http';
import { myResource } from './my-resource.ts';

createServer(toHttp(myResource)).listen(Number(process.env['PORT'] ?? 8080));
