/** The targets of a FunctionTrigger as they are read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readTrigger } from '../../../forwarder/config/read-trigger.ts';
import { GOOD_SPEC } from '../../support/bad-triggers.ts';
import { accepted, manifest } from '../../support/read-triggers.ts';

describe('readTrigger, for each kind of target', () => {
  const secretRef = { name: 'keys', key: 'api' };
  for (const { type, given, expected } of [
    {
      type: 'http',
      given: {
        url: 'http://fn/',
        headersFrom: [{ name: 'x-key', secretRef }],
        auth: { hmac: { secretRef } },
      },
      expected: {
        url: 'http://fn/',
        headers: {},
        headersFrom: [{ name: 'x-key', secretRef }],
        auth: { hmac: { secretRef } },
      },
    },
    {
      type: 'openfaas',
      given: { name: 'application' },
      expected: { name: 'application', gateway: 'http://gateway.openfaas:8080', async: false },
    },
    {
      type: 'openfaas',
      given: { name: 'application', namespace: 'fn', gateway: 'https://gateway/base', async: true },
      expected: { name: 'application', namespace: 'fn', gateway: 'https://gateway/base', async: true },
    },
    {
      type: 'knative',
      given: { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'application' } },
      expected: { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'application' } },
    },
  ]) {
    it(`reads ${type} with ${Object.keys(given).join(', ')}`, () => {
      const { target } = accepted(manifest({ ...GOOD_SPEC, target: { [type]: given } })).spec;
      assert.deepEqual(target, { type, ...expected });
    });
  }

  for (const target of [
    { lambda: { functionName: 'a', invocationType: 'Event' } },
    { openfaas: { name: 'a', async: true } },
  ]) {
    it(`takes a finalizer for ${Object.keys(target)[0]} that is only queued, where callbacks come in`, () => {
      const raw = manifest({ ...GOOD_SPEC, target, finalizer: true });
      assert.ok('trigger' in readTrigger(raw, { source: 'api', callbacks: true }));
      assert.ok('problems' in readTrigger(raw, { source: 'api', callbacks: false }));
    });
  }

  it('takes a ServiceAccount where functions get its token', () => {
    const spec = { ...GOOD_SPEC, payload: { token: true }, serviceAccountName: 'writer' };
    assert.equal(accepted(manifest(spec)).spec.serviceAccountName, 'writer');
  });

  for (const target of [
    { lambda: { functionName: 'a' } },
    { knative: { ref: { apiVersion: 'v1', kind: 'Service', name: 'a' } } },
    { openfaas: { name: 'a', gateway: 'https://gateway.example.com' } },
    { http: { url: 'HTTPS://functions.example.com/' } },
    ...['http://127.0.0.1:8080', 'http://127.9.9.9/a', 'http://[::1]:1/?a', 'http://localhost'].map(
      (url) => ({
        http: { url },
      }),
    ),
  ]) {
    it(`lets ${JSON.stringify(target)} have a token`, () => {
      assert.equal(
        accepted(manifest({ ...GOOD_SPEC, target, payload: { token: true } })).spec.payload.token,
        true,
      );
    });
  }

  it("takes a ServiceAccount where its tokens are the target's", () => {
    const http = { url: 'http://fn/', auth: { serviceAccountToken: { audience: 'orders' } } };
    const spec = { ...GOOD_SPEC, target: { http }, serviceAccountName: 'caller' };
    assert.equal(accepted(manifest(spec)).spec.serviceAccountName, 'caller');
  });

  it("takes a ServiceAccount for a gateway's token, and for an Addressable that may ask for one", () => {
    const openfaas = { name: 'fn', auth: { tokenExchange: { audience: 'gateway' } } };
    const knative = { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'fn' } };
    for (const target of [{ openfaas }, { knative }]) {
      const spec = { ...GOOD_SPEC, target, serviceAccountName: 'caller' };
      assert.equal(accepted(manifest(spec)).spec.serviceAccountName, 'caller');
    }
  });
});

describe('readTrigger, for target.file', () => {
  const withFile = (file: object) => manifest({ ...GOOD_SPEC, target: { file } });

  it('takes it from a file, with its defaults', () => {
    const file = { path: '/run/flags/{namespace}/{name}.json', signal: { pidFile: '/run/app.pid' } };
    const read = readTrigger(withFile(file), { source: 'file' });
    assert.ok('trigger' in read);
    assert.deepEqual(read.trigger.spec.target, {
      type: 'file',
      path: file.path,
      signal: { pidFile: '/run/app.pid', name: 'SIGHUP' },
    });
  });

  it('refuses it from the API, with one problem', () => {
    const read = readTrigger(withFile({ path: '/a' }), { source: 'api' });
    assert.ok('problems' in read);
    assert.deepEqual(
      read.problems.map(({ message }) => message),
      ['spec.target.file: is accepted from --triggers FILE only'],
    );
  });

  const bad: readonly { readonly given: object; readonly field: string }[] = [
    { given: {}, field: 'spec.target.file.path' },
    { given: { path: 'flags.json' }, field: 'spec.target.file.path' },
    { given: { path: '/run/{name}/flag' }, field: 'spec.target.file.path' },
    { given: { path: '/run/{uid}' }, field: 'spec.target.file.path' },
    {
      given: { path: '/a', signal: { pidFile: '/p', name: 'SIGKILL' } },
      field: 'spec.target.file.signal.name',
    },
    { given: { path: '/a', notify: { url: 'http://app.shop.svc/' } }, field: 'spec.target.file.notify.url' },
    {
      given: { path: '/a', notify: { url: 'http://localhost@evil/' } },
      field: 'spec.target.file.notify.url',
    },
    {
      given: { path: '/a', signal: { pidFile: '/p' }, notify: { url: 'http://localhost/' } },
      field: 'spec.target.file',
    },
  ];
  for (const { given, field } of bad) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      const read = readTrigger(withFile(given), { source: 'file' });
      assert.ok('problems' in read);
      assert.deepEqual(
        read.problems.map((one) => one.field),
        [field],
      );
    });
  }
});
