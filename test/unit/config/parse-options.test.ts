import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { environmentName, FORWARDER_OPTIONS, forwarderHelp } from '../../../forwarder/config/options.ts';
import { parseForwarderOptions } from '../../../forwarder/config/parse-options.ts';

const NAMESPACE = ['--namespace', 'shop'];

describe('parseForwarderOptions', () => {
  it('fills in the defaults', () => {
    assert.deepEqual(parseForwarderOptions(NAMESPACE, {}), {
      namespaces: ['shop'],
      adminAddress: { host: '127.0.0.1', port: 9090 },
      checkpoint: 'kubernetes',
      identity: 'forwarder',
      replicaId: hostname(),
      gracePeriodMs: 25_000,
      auditIntervalMs: 1_800_000,
      logFormat: 'json',
      logLevel: 'info',
      ambientNamespaces: [],
    });
  });

  it('keeps checkpoints of triggers from a file beside that file, unless told otherwise', () => {
    const folder = (...argv: string[]): unknown => {
      const { checkpoint, checkpointFolder } = parseForwarderOptions(argv, {});
      return [checkpoint, checkpointFolder];
    };
    const triggers = ['--triggers', '/t.yaml'];
    assert.deepEqual(folder(...triggers), ['file', '/t.yaml.checkpoint']);
    assert.deepEqual(folder(...triggers, '--checkpoint-dir', '/c'), ['file', '/c']);
    assert.deepEqual(folder(...triggers, '--checkpoint', 'kubernetes'), ['kubernetes', undefined]);
    assert.deepEqual(folder('--namespace', 'a', '--checkpoint', 'file', '--checkpoint-dir', '/c'), [
      'file',
      '/c',
    ]);
  });

  it('reads every flag', () => {
    const flags = {
      kubeconfig: '/k',
      triggers: '/t.yaml',
      'admin-address': '[::1]:0',
      checkpoint: 'memory',
      identity: 'forwarder',
      'cluster-id': 'prod.eu',
      'replica-id': 'one',
      'grace-period': '1m',
      'audit-interval': '0s',
      'checkpoint-dir': '/c',
      'log-format': 'text',
      'log-level': 'debug',
      'target-policy': '/p.yaml',
      'callback-address': ':8081',
      'callback-url': 'https://callbacks.example.com/statewire',
      'ambient-credentials-namespaces': 'a',
      'function-api-server': 'https://api.example.com:6443/',
    };
    const argv = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    assert.deepEqual(parseForwarderOptions([...argv, '--namespace=a', '--namespace', 'b'], {}), {
      kubeconfig: '/k',
      namespaces: ['a', 'b'],
      triggersFile: '/t.yaml',
      adminAddress: { host: '::1', port: 0 },
      checkpoint: 'memory',
      identity: 'forwarder',
      clusterId: 'prod.eu',
      replicaId: 'one',
      gracePeriodMs: 60_000,
      auditIntervalMs: 0,
      logFormat: 'text',
      logLevel: 'debug',
      targetPolicyFile: '/p.yaml',
      callbacks: { address: { port: 8081 }, url: 'https://callbacks.example.com/statewire' },
      ambientNamespaces: ['a'],
      functionApiServer: 'https://api.example.com:6443',
    });
  });

  for (const [argv, field] of [
    [['--callback-address', ':1'], '--callback-url'],
    [['--callback-url', 'http://a'], '--callback-address'],
    [['--callback-address', 'x', '--callback-url', 'http://a'], '--callback-address'],
    [['--callback-address', ':1', '--callback-url', 'a'], '--callback-url'],
    [['--callback-address', ':1', '--callback-url', 'http://a/?b'], '--callback-url'],
    [['--ambient-credentials-namespaces', 'A'], '--ambient-credentials-namespaces'],
    [['--function-api-server', 'http://api.example.com'], '--function-api-server'],
    [['--function-api-server', 'https://api.example.com/path'], '--function-api-server'],
    [['--function-api-server', 'https://u:p@api.example.com'], '--function-api-server'],
    [['--function-api-server', 'https://api.example.com?a'], '--function-api-server'],
    [['--function-api-server', 'api.example.com'], '--function-api-server'],
  ] as const) {
    it(`names ${field} for ${argv.join(' ')}`, () => {
      assert.throws(() => parseForwarderOptions([...NAMESPACE, ...argv], {}), { field });
    });
  }

  it('takes the environment where there is no flag', () => {
    const env = { STATEWIRE_NAMESPACE: 'a,b', STATEWIRE_LOG_LEVEL: 'warn', STATEWIRE_GRACE_PERIOD: '' };
    const options = parseForwarderOptions(['--log-level', 'error'], env);
    assert.deepEqual(options.namespaces, ['a', 'b']);
    assert.equal(options.logLevel, 'error');
    assert.equal(options.gracePeriodMs, 25_000);
  });

  it('listens on every address in a pod', () => {
    const options = parseForwarderOptions(NAMESPACE, { KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    assert.deepEqual(options.adminAddress, { port: 9090 });
  });

  const refused: readonly {
    readonly argv: readonly string[];
    readonly field: string;
    readonly reason: string;
  }[] = [
    { argv: [], field: '--identity', reason: 'neither namespaces nor triggers' },
    { argv: ['--triger', 'x'], field: '--triger', reason: 'an unknown flag' },
    { argv: ['--triger=x'], field: '--triger', reason: 'an unknown flag with a value' },
    { argv: ['-n', 'x'], field: '-n', reason: 'a short flag' },
    { argv: ['--kubeconfig'], field: '--kubeconfig', reason: 'a flag without value' },
    { argv: ['--kubeconfig', '--namespace', 'a'], field: '--kubeconfig', reason: 'a flag for a value' },
    { argv: ['--kubeconfig', ''], field: '--kubeconfig', reason: 'an empty value' },
    { argv: ['shop'], field: 'arguments', reason: 'a stray word' },
    { argv: ['--log-level', 'info', '--log-level', 'warn'], field: '--log-level', reason: 'a flag twice' },
    { argv: ['--namespace', 'Shop'], field: '--namespace', reason: 'a name that no namespace has' },
    { argv: [...NAMESPACE, '--admin-address', '9090'], field: '--admin-address', reason: 'a port alone' },
    { argv: [...NAMESPACE, '--admin-address', ':99999'], field: '--admin-address', reason: 'no such port' },
    { argv: [...NAMESPACE, '--admin-address', 'http://a:1'], field: '--admin-address', reason: 'a URL' },
    { argv: [...NAMESPACE, '--checkpoint', 'file'], field: '--checkpoint-dir', reason: 'no folder follows' },
    { argv: [...NAMESPACE, '--checkpoint', 'disk'], field: '--checkpoint', reason: 'no such place' },
    { argv: [...NAMESPACE, '--identity', 'trigger'], field: '--identity', reason: 'not there yet' },
    { argv: [...NAMESPACE, '--console-address', ':80'], field: '--console-address', reason: 'not there yet' },
    { argv: [...NAMESPACE, '--grace-period', '25'], field: '--grace-period', reason: 'no unit' },
    { argv: [...NAMESPACE, '--log-format', 'xml'], field: '--log-format', reason: 'no such format' },
    { argv: [...NAMESPACE, '--log-level', 'loud'], field: '--log-level', reason: 'no such level' },
    { argv: [...NAMESPACE, '--cluster-id', 'a b'], field: '--cluster-id', reason: 'no part of a URI' },
  ];
  for (const { argv, field, reason } of refused) {
    it(`refuses ${argv.join(' ') || 'nothing at all'}: ${reason}`, () => {
      assert.throws(
        () => parseForwarderOptions(argv, {}),
        (error: Error & { code?: string; field?: string }) =>
          error.code === 'CONFIG_INVALID' &&
          error.field === field &&
          error.message.startsWith(`${field}: `) &&
          !error.message.includes('\n'),
      );
    });
  }

  it('checks the environment like flags', () => {
    assert.throws(() => parseForwarderOptions(NAMESPACE, { STATEWIRE_IDENTITY: 'trigger' }), {
      code: 'CONFIG_INVALID',
      field: '--identity',
    });
  });
});

describe('forwarderHelp', () => {
  it('names every flag and default in lines of at most 100 characters', () => {
    const help = forwarderHelp();
    for (const option of FORWARDER_OPTIONS) {
      assert.ok(help.includes(`--${option.flag} ${option.value}`), option.flag);
      assert.ok(option.default === undefined || help.includes(`Default: ${option.default}.`), option.flag);
    }
    assert.ok(help.split('\n').every((line) => line.length <= 100));
  });
});

describe('environmentName', () => {
  it('is the flag in capitals', () => assert.equal(environmentName('log-level'), 'STATEWIRE_LOG_LEVEL'));
});
