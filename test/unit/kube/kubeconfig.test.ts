import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { silentLogger } from '../../../forwarder/lib/logger.ts';
import { readKubeconfig } from '../../../forwarder/kube/kubeconfig.ts';
import { loadAccess } from '../../../forwarder/kube/load-access.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'statewire-kubeconfig-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function kubeconfig(cluster: object, user: object, context: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [
      { name: 'other', cluster: { server: 'https://other' } },
      { name: 'c', cluster },
    ],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...context } }],
  });
}

write('pki/ca.pem', 'CA from a file\n');
write('pki/cert.pem', 'CERT from a file\n');
write('pki/key.pem', 'KEY from a file\n');

/** Kubeconfigs that our own reader understands. */
const OWN: readonly { readonly reason: string; readonly text: string }[] = [
  { reason: 'a token', text: kubeconfig({ server: 'https://10.0.0.1:6443' }, { token: 'secret' }) },
  {
    reason: 'authority and client certificate inline',
    text: kubeconfig(
      { server: 'https://[::1]:6443', 'certificate-authority-data': base64('CA') },
      { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      { namespace: 'shop' },
    ),
  },
  {
    reason: 'authority and client certificate in files beside it',
    text: kubeconfig(
      { server: 'https://api.example.com', 'certificate-authority': 'pki/ca.pem' },
      { 'client-certificate': 'pki/cert.pem', 'client-key': path.join(folder, 'pki/key.pem') },
    ),
  },
  {
    reason: 'a path below the host and a name to verify',
    text: kubeconfig({ server: 'https://h/k8s/c1', 'tls-server-name': 'kubernetes' }, { token: 't' }),
  },
  {
    reason: 'no verification, because it says so',
    text: kubeconfig({ server: 'https://h', 'insecure-skip-tls-verify': true }, { token: 't' }),
  },
  { reason: 'an impersonated user', text: kubeconfig({ server: 'https://h' }, { token: 't', as: 'jane' }) },
  { reason: 'nobody in particular', text: kubeconfig({ server: 'https://h' }, {}) },
];

interface Applied {
  readonly headers?: Record<string, string>;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

describe('readKubeconfig', () => {
  for (const [index, { reason, text }] of OWN.entries()) {
    it(`reads the same as client-node from one with ${reason}`, async () => {
      const file = write(`own-${index}.yaml`, text);
      const access = readKubeconfig(file, { clock: new ManualClock(), logger: silentLogger });
      const oracle = new KubeConfig();
      oracle.loadFromFile(file);
      const wanted: Applied = {};
      await oracle.applyToHTTPSOptions(wanted);
      assert.equal(access?.server.href, new URL(oracle.getCurrentCluster()?.server ?? '').href);
      assert.equal(access.namespace, oracle.getContextObject('here')?.namespace);
      const tls = access.tls();
      assert.deepEqual(
        { ...tls, headers: await access.headers() },
        {
          ...(wanted.ca && { ca: wanted.ca.toString().trim() }),
          ...(wanted.cert && { cert: wanted.cert.toString().trim() }),
          ...(wanted.key && { key: wanted.key.toString().trim() }),
          ...(wanted.servername !== undefined && { servername: wanted.servername }),
          rejectUnauthorized: wanted.rejectUnauthorized ?? true,
          headers: Object.fromEntries(
            Object.entries(wanted.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
          ),
        },
      );
    });
  }

  const FOREIGN: readonly { readonly reason: string; readonly cluster: object; readonly user: object }[] = [
    { reason: 'an exec plugin', cluster: {}, user: { exec: { command: 'aws' } } },
    { reason: 'an auth provider', cluster: {}, user: { 'auth-provider': { name: 'oidc' } } },
    { reason: 'basic auth', cluster: {}, user: { username: 'a', password: 'b' } },
    { reason: 'a proxy', cluster: { 'proxy-url': 'http://proxy' }, user: { token: 't' } },
  ];
  for (const { reason, cluster, user } of FOREIGN) {
    it(`leaves ${reason} to client-node`, () => {
      const file = write('foreign.yaml', kubeconfig({ server: 'https://h', ...cluster }, user));
      assert.equal(readKubeconfig(file, { clock: new ManualClock(), logger: silentLogger }), undefined);
    });
  }

  const BROKEN: readonly { readonly reason: string; readonly text: string }[] = [
    { reason: 'no YAML', text: '{' },
    { reason: 'no mapping', text: 'hello' },
    { reason: 'no current context', text: '{}' },
    { reason: 'a context that is not there', text: 'current-context: x' },
    { reason: 'a server that is no URL', text: kubeconfig({ server: 'localhost' }, {}) },
    { reason: 'a server of another scheme', text: kubeconfig({ server: 'ftp://h' }, {}) },
    {
      reason: 'a key without certificate',
      text: kubeconfig({ server: 'https://h' }, { 'client-key-data': 'AA==' }),
    },
  ];
  for (const { reason, text } of BROKEN) {
    it(`refuses one with ${reason}`, () => {
      const file = write('broken.yaml', text);
      assert.throws(() => readKubeconfig(file, { clock: new ManualClock(), logger: silentLogger }), {
        name: 'ConfigError',
        code: 'CONFIG_INVALID',
        field: 'kubeconfig',
      });
    });
  }

  it('reads a token file again after 50 s, or when the token was refused, and keeps the last one if it is gone', async () => {
    const clock = new ManualClock();
    const token = write('token', ' first \n');
    const file = write(
      'token.yaml',
      kubeconfig({ server: 'https://h' }, { token: 'inline', tokenFile: 'token' }),
    );
    const access = readKubeconfig(file, { clock, logger: silentLogger });
    const bearer = async (): Promise<unknown> => (await access?.headers())?.['authorization'];
    assert.equal(await bearer(), 'Bearer first');
    writeFileSync(token, 'second');
    await clock.advance(50_000);
    assert.equal(await bearer(), 'Bearer first');
    await clock.advance(1);
    assert.equal(await bearer(), 'Bearer second');
    writeFileSync(token, 'third');
    access?.refresh();
    assert.equal(await bearer(), 'Bearer third');
    rmSync(token);
    await clock.advance(60_000);
    assert.equal(await bearer(), 'Bearer third');
  });

  it('fails where a token file has never been there', async () => {
    const file = write('absent.yaml', kubeconfig({ server: 'https://h' }, { tokenFile: 'absent' }));
    const access = readKubeconfig(file, { clock: new ManualClock(), logger: silentLogger });
    await assert.rejects(async () => access?.headers(), { code: 'ENOENT' });
  });
});

describe('loadAccess', () => {
  const ports = { clock: new ManualClock(), logger: silentLogger };
  const file = write('named.yaml', kubeconfig({ server: 'https://named' }, { token: 't' }));
  const pod = path.join(folder, 'serviceaccount');
  write('serviceaccount/token', 'pod-token');
  write('serviceaccount/ca.crt', 'POD CA');
  write('serviceaccount/namespace', 'statewire');
  const inPod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

  it('takes the named file before the pod, and the pod before KUBECONFIG', async () => {
    const env = { ...inPod, KUBECONFIG: file };
    const named = await loadAccess({ ...ports, kubeconfig: file, env, serviceAccountFolder: pod });
    assert.equal(named.server.host, 'named');
    const found = await loadAccess({ ...ports, env, serviceAccountFolder: pod });
    assert.equal(found.server.href, 'https://[fd00::1]/');
    assert.equal(found.namespace, 'statewire');
    assert.deepEqual(found.tls(), { ca: 'POD CA', rejectUnauthorized: true });
    assert.deepEqual(await found.headers(), { authorization: 'Bearer pod-token' });
    const outside = await loadAccess({ ...ports, env: { KUBECONFIG: file }, serviceAccountFolder: pod });
    assert.equal(outside.server.host, 'named');
  });

  it('says what to do where no API server is known', async () => {
    await assert.rejects(loadAccess({ ...ports, env: {}, serviceAccountFolder: pod }), {
      code: 'CONFIG_INVALID',
      message:
        'kubeconfig: no API server is known: give --kubeconfig FILE, run inside a cluster, or set KUBECONFIG',
    });
  });

  it('takes what an exec plugin prints, and runs it again when that was refused', async () => {
    const count = path.join(folder, 'count');
    const script = `n=$(($(cat ${count} 2>/dev/null || echo 0) + 1)); echo $n > ${count}; echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"run-'$n'"}}'`;
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script] };
    const plugin = write('exec.yaml', kubeconfig({ server: 'https://h' }, { exec }));
    const access = await loadAccess({ ...ports, kubeconfig: plugin });
    assert.equal(access.kind, 'plugin');
    assert.deepEqual(await access.headers(), { authorization: 'Bearer run-1' });
    assert.deepEqual(await access.headers(), { authorization: 'Bearer run-1' });
    access.refresh();
    assert.deepEqual(await access.headers(), { authorization: 'Bearer run-2' });
  });

  it('merges several files, the first one winning', async () => {
    const second = write(
      'second.yaml',
      kubeconfig({ server: 'https://second' }, {})
        .replaceAll('"c"', '"c2"')
        .replaceAll('"u"', '"u2"')
        .replaceAll('"here"', '"there"')
        .replaceAll('"other"', '"other2"'),
    );
    const access = await loadAccess({
      ...ports,
      env: { KUBECONFIG: [file, second].join(path.delimiter) },
      serviceAccountFolder: pod,
    });
    assert.equal(access.server.host, 'named');
    assert.deepEqual(await access.headers(), { authorization: 'Bearer t' });
  });
});
