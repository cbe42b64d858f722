import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  describeConnectionError,
  isCertificateRefused,
  isTlsFailure,
} from '../../../forwarder/target/connection-failures.ts';

function failed(code: string): Error {
  return Object.assign(new Error('0A00045C:SSL routines:thread 7'), { code });
}

describe('A connection that failed', () => {
  // As an s_server of OpenSSL 3 with -Verify told Node 24, by TLS 1.2 and 1.3.
  for (const code of [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  ]) {
    it(`by ${code} is one whose client certificate was refused`, () => {
      assert.ok(isCertificateRefused(failed(code)));
      assert.ok(isTlsFailure(failed(code)));
      assert.equal(describeConnectionError(failed(code)), `TLS handshake failed (${code})`);
    });
  }

  for (const code of ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'ERR_SSL_BAD_RECORD_TYPE', 'CERT_HAS_EXPIRED']) {
    it(`by ${code} is not, though TLS failed`, () => {
      assert.ok(isTlsFailure(failed(code)));
      assert.ok(!isCertificateRefused(failed(code)));
    });
  }

  for (const code of ['ECONNRESET', 'UND_ERR_SOCKET', '']) {
    it(`by ${code || 'something else'} says nothing of TLS`, () => {
      assert.ok(!isTlsFailure(failed(code)));
    });
  }
});
