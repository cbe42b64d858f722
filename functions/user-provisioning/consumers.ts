/**
 * The three functions in one process: `NATS_URL=nats://… node functions/user-provisioning/consumers.ts [NAME…]`. With names
 * (`user`, `notification`, `billing`) only these, as in a Deployment for each.
 *
 * `API_SERVER`, `API_TOKEN` and `API_CA` (PEM) are for outside of a cluster.
 */
import { runOnNats } from './nats-host.ts';
import { billing, notification, user } from './parts.ts';

const all = { user, notification, billing };
const names = process.argv.slice(2);
const { NATS_URL = 'nats://127.0.0.1:4222', API_SERVER, API_TOKEN = '', API_CA } = process.env;

const host = await runOnNats(NATS_URL, {
  stream: 'provisioning',
  functions: Object.fromEntries(
    Object.entries(all).filter(([name]) => names.length === 0 || names.includes(name)),
  ),
  access:
    API_SERVER === undefined
      ? undefined
      : {
          server: API_SERVER,
          token: API_TOKEN,
          ...(API_CA !== undefined && { certificateAuthority: API_CA }),
        },
});
process.once('SIGTERM', () => void host.stop());
console.log('consuming');
