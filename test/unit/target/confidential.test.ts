import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAddressGuard } from '../../../forwarder/target/address-guard.ts';
import { refuseInClear } from '../../../forwarder/target/confidential.ts';

const guardOf = (inPod: boolean) => createAddressGuard({ inPod, apiServers: [], deniedCidrs: [] });
const refuse = (to: Parameters<typeof refuseInClear>[1], inPod = false, confidentialBy = 'spec.x'): void =>
  refuseInClear({ confidentialBy }, to, guardOf(inPod));

describe('what holds a credential', () => {
  for (const hostname of ['functions.example.com', '10.0.0.1', '127.0.0.1']) {
    it(`goes to ${hostname} over TLS, in a pod too`, () => {
      refuse({ protocol: 'https:', hostname });
      refuse({ protocol: 'https:', hostname, port: 8443 }, true);
    });
  }

  // `URL` writes IPv6 with brackets, the AWS SDK without.
  for (const hostname of ['127.0.0.1', '127.8.8.8', '[::1]', '::1', 'localhost']) {
    it(`goes to ${hostname} without, but not in a pod`, () => {
      refuse({ protocol: 'http:', hostname, port: '3002' });
      assert.throws(() => refuse({ protocol: 'http:', hostname }, true), {
        code: 'TARGET_MISCONFIGURED',
        blame: 'target',
        conclusive: true,
      });
    });
  }

  for (const hostname of [
    'functions.shop.svc',
    'localhost.example.com',
    '127.0.0.1.nip.io',
    '10.0.0.1',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
    '128.0.0.1',
    '',
  ]) {
    it(`never goes to ${hostname === '' ? 'nowhere' : hostname} in clear`, () => {
      const port = 8080;
      assert.throws(() => refuse({ protocol: 'http:', hostname, port }), {
        message: `spec.x: a token is not sent in clear, to http://${hostname}:8080`,
      });
    });
  }

  it('is all that this is about: other events go in clear', () => {
    refuseInClear({}, { protocol: 'http:', hostname: 'functions.shop.svc' }, guardOf(true));
  });
});
