/**
 * What the forwarder uses of undici, without fetch, WebSocket, caches, mocks and proxies: 5 MB at start.
 *
 * `test/unit/bundle/undici-core.test.ts` holds it to what the sources import.
 */
'use strict';
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');

// As undici's own index.js does for all of its API.
Dispatcher.prototype.request = require('undici/lib/api/api-request.js');

module.exports = {
  Agent: require('undici/lib/dispatcher/agent.js'),
  Pool: require('undici/lib/dispatcher/pool.js'),
  buildConnector: require('undici/lib/core/connect.js'),
};
