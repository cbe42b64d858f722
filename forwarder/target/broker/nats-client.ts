/**
 * What is used of the NATS client. Loaded by the first call (the bundle carries it packed), so nothing of ours may be
 * imported here: it would exist twice.
 */
export {
  credsAuthenticator,
  headers,
  NatsConnectionImpl,
  nkeyAuthenticator,
  setTransportFactory,
} from '@nats-io/transport-node';
export { NodeTransport } from '@nats-io/transport-node/lib/node_transport.js';
