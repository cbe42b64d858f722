import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import { readTlsSecret, type TlsMaterial } from '../../../forwarder/target/tls-secret.ts';
import { TestCa } from '../../support/certificates.ts';
import { principalWith } from '../../support/principals.ts';

const ca = new TestCa();
const own = ca.issue({ name: 'client' });
const asking = { field: 'spec.target.http.tls.secretRef' };

function read(keys: Readonly<Record<string, string>>): Promise<TlsMaterial> {
  const secrets = Object.fromEntries(Object.entries(keys).map(([key, value]) => [`tls/${key}`, value]));
  return readTlsSecret(principalWith({ secrets }), { name: 'tls' }, asking);
}

describe('A Secret for TLS', () => {
  it('says whom to trust, or who we are, or both', async () => {
    const bundle = `# two of them\n${ca.cert}${new TestCa().cert}\n`;
    assert.partialDeepStrictEqual(await read({ 'ca.crt': bundle, unrelated: 'x' }), { ca: bundle.trim() });
    const client = await read({ 'tls.crt': own.cert, 'tls.key': own.key, 'ca.crt': '' });
    assert.deepEqual([client.ca, client.cert, client.key], [undefined, own.cert.trim(), own.key.trim()]);
    assert.ok((await read({ 'ca.crt': ca.cert, 'tls.crt': own.cert, 'tls.key': own.key })).ca);
  });

  it('has one id for each content', async () => {
    const ids = await Promise.all(
      [
        { 'ca.crt': ca.cert },
        { 'ca.crt': `${ca.cert}\n` },
        { 'ca.crt': own.cert },
        { 'tls.crt': own.cert, 'tls.key': own.key },
      ].map(async (keys) => (await read(keys)).id),
    );
    assert.equal(ids[0], ids[1]);
    assert.equal(new Set(ids).size, 3);
  });

  for (const { title, keys, problem } of [
    {
      title: 'nothing of use',
      keys: { other: 'x' },
      problem: 'has none of the keys "ca.crt", "tls.crt" and "tls.key"',
    },
    { title: 'no PEM', keys: { 'ca.crt': 'canary' }, problem: 'has no certificates in PEM under "ca.crt"' },
    {
      title: 'a broken certificate beside a good one',
      keys: { 'ca.crt': `${ca.cert}${ca.cert.replace('MII', 'AAA')}` },
      problem: 'has no certificates in PEM under "ca.crt"',
    },
    {
      title: 'a certificate without key',
      keys: { 'tls.crt': own.cert },
      problem: 'has "tls.crt" without "tls.key"',
    },
    {
      title: 'a key without certificate',
      keys: { 'tls.key': own.key },
      problem: 'has "tls.key" without "tls.crt"',
    },
    {
      title: 'a certificate that is none',
      keys: { 'tls.crt': own.key, 'tls.key': own.key },
      problem: 'has no certificate in PEM under "tls.crt"',
    },
    {
      title: "somebody else's key",
      keys: { 'tls.crt': own.cert, 'tls.key': ca.issue().key },
      problem: 'has a "tls.key" that is not that of "tls.crt"',
    },
    {
      title: 'a key that is none',
      keys: { 'tls.crt': own.cert, 'tls.key': 'canary' },
      problem: 'has a "tls.key" that is not that of "tls.crt"',
    },
  ]) {
    it(`with ${title} is the target's failure, and the message names the field`, async () => {
      const error = await read(keys).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TargetError);
      assert.deepEqual(
        [error.code, error.blame, error.conclusive, error.message],
        ['TARGET_MISCONFIGURED', 'target', true, `${asking.field}: Secret "tls" ${problem}`],
      );
    });
  }
});
