import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { createAddressGuard } from '../../../forwarder/target/address-guard.ts';

const policy = { inPod: false, apiServers: [], deniedCidrs: [] };
const guard = createAddressGuard(policy);

describe('AddressGuard', () => {
  for (const { reason, addresses } of [
    { reason: 'is unspecified', addresses: ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0'] },
    {
      reason: 'serves instance metadata',
      addresses: [
        '169.254.169.254',
        '169.254.170.2',
        '169.254.170.23',
        'fd00:ec2::254',
        'FD00:0EC2:0:0:0:0:0:254',
        'fd00:ec2::23',
        'fd20:ce::254',
        'fd00:42::42',
        '100.100.100.200',
        '192.0.0.192',
        '168.63.129.16',
      ],
    },
    {
      reason: 'serves instance metadata',
      addresses: [
        '::ffff:169.254.169.254', // IPv4-mapped
        '::ffff:a9fe:a9fe', // the same in hex
        '::ffff:0:169.254.169.254', // IPv4-translated
        '64:ff9b::169.254.169.254', // NAT64
        '64:ff9b::a9fe:a9fe',
        '64:ff9b:1::a9fe:a9fe', // NAT64, local-use prefix
        '2002:a9fe:a9fe::1', // 6to4
      ],
    },
    { reason: 'is link-local', addresses: ['169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'] },
    { reason: 'is multicast', addresses: ['224.0.0.1', '239.255.255.250', 'ff02::1'] },
    { reason: 'is the broadcast address', addresses: ['255.255.255.255'] },
  ]) {
    for (const address of addresses) {
      it(`never lets ${address} be called, which ${reason}`, () => {
        assert.equal(guard.problem(address, 80), reason);
      });
    }
  }

  for (const address of [
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '8.8.8.8',
    '2001:db8::1',
    'fd00::1',
  ]) {
    it(`lets ${address} be called, since functions live in clusters and clouds`, () => {
      assert.equal(guard.problem(address, 80), undefined);
    });
  }

  it('refuses loopback inside a pod only', () => {
    const inPod = createAddressGuard({ ...policy, inPod: true });
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
      assert.equal(inPod.problem(address, 80), "is the forwarder's own pod");
      assert.equal(guard.problem(address, 80), undefined);
    }
  });

  it('refuses the API server at its port, in any spelling of its address', async () => {
    const apiServers = [
      { host: '10.96.0.1', port: 443 },
      { host: 'fd00:0::1', port: 6443 },
    ];
    const aware = createAddressGuard({ ...policy, apiServers });
    await aware.refresh(443);
    assert.equal(aware.problem('10.96.0.1', 443), 'is the API server');
    assert.equal(aware.problem('::ffff:10.96.0.1', 443), 'is the API server');
    assert.equal(aware.problem('fd00::1', 6443), 'is the API server');
    assert.equal(aware.problem('10.96.0.1', 80), undefined);
    assert.equal(aware.problem('10.96.0.2', 443), undefined);
  });

  it('looks up an API server that is known by name', async () => {
    const aware = createAddressGuard({ ...policy, apiServers: [{ host: 'localhost', port: 6443 }] });
    assert.equal(aware.problem('127.0.0.1', 6443), undefined);
    await aware.refresh(6443);
    assert.equal(aware.problem('127.0.0.1', 6443), 'is the API server');
  });

  it('refuses what the administrator excludes, as networks and as single addresses', () => {
    const strict = createAddressGuard({ ...policy, deniedCidrs: ['10.0.0.0/8', '192.0.2.7', 'fd00::/8'] });
    for (const address of ['10.255.0.1', '192.0.2.7', 'fd12::1', '64:ff9b::10.0.0.1']) {
      assert.equal(strict.problem(address, 80), 'is excluded by --target-policy');
    }
    assert.equal(strict.problem('192.0.2.8', 80), undefined);
    assert.equal(strict.problem('11.0.0.1', 80), undefined);
  });

  for (const cidr of [
    '10.0.0.0/33',
    'fd00::/129',
    'example.com',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '',
  ]) {
    it(`takes no policy that names "${cidr}"`, () => {
      assert.throws(() => createAddressGuard({ ...policy, deniedCidrs: [cidr] }), {
        code: 'CONFIG_INVALID',
        field: '--target-policy',
      });
    });
  }
});

describe('AddressGuard, whatever the address', () => {
  it('judges an IPv4 address the same when it is wrapped in IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const expected = guard.problem(address, 80);
        for (const prefix of ['::ffff:', '64:ff9b::', '::ffff:0:']) {
          assert.equal(guard.problem(`${prefix}${address}`, 80), expected);
        }
      }),
    );
  });

  it('takes every IPv6 address', () => {
    fc.assert(fc.property(fc.ipV6(), (address) => void guard.problem(address, 80)));
  });
});
