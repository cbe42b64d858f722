/** HTTP/1.1 connections: one pool for each origin, guarded, kept alive between calls. */
import type { SecureContext } from 'node:tls';
import { Agent, Pool } from 'undici';
import type { AddressGuard } from './address-guard.ts';
import { guardedConnector } from './guarded-connector.ts';

/** Response headers beyond this are a bad reply. */
const MAX_HEADER_BYTES = 16 * 1024;
/** A connection that is never idle is replaced after so long: its host's name may stand for another address by then. */
const MAX_CONNECTION_MS = 30_000;

/** Pools have no size of their own: how many calls run at once is for each trigger to say. */
export function createHttpAgent(guard: AddressGuard, secureContext?: SecureContext): Agent {
  return new Agent({
    factory: (origin, options) =>
      new Pool(origin, {
        ...(options as Pool.Options),
        connect: guardedConnector(guard, new URL(origin), secureContext),
      }),
    allowH2: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    clientTtl: MAX_CONNECTION_MS,
    // The deadline of a call covers both; undici's own would only add a second answer.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}
