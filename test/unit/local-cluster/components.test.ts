import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  COMPONENTS,
  goModule,
  linkerFlags,
  requiredGo,
  requiredVersion,
  versionKey,
} from '../../../local-cluster/components.ts';

describe('the modules of the control plane', () => {
  const kubernetes = goModule('kubernetes').goMod;
  const release = requiredVersion(kubernetes, 'k8s.io/kubernetes');

  it('replaces every staging module by the release that belongs to Kubernetes', () => {
    const replaced = [...kubernetes.matchAll(/^\t(k8s\.io\/\S+) => (\S+) (\S+)$/gm)];
    assert.ok(replaced.length > 30);
    for (const [, from, to, version] of replaced) {
      assert.deepEqual([from, version], [to, release.replace('v1.', 'v0.')]);
    }
  });

  for (const { name, module, source } of COMPONENTS.filter(({ name }) => name !== 'kwok-stages.yaml')) {
    it(`names ${name} as a tool, so that tidying keeps what it needs`, () => {
      assert.match(goModule(module).goMod, new RegExp(`^(tool |\\t)${source}$`, 'm'));
    });
  }

  it('has checksums for what it pins', () => {
    assert.ok(goModule('kubernetes').goSum.includes(`k8s.io/kubernetes ${release} h1:`));
    assert.match(goModule('kwok').goSum, /^sigs\.k8s\.io\/kwok v\S+ h1:/m);
  });
});

describe('requiredVersion', () => {
  for (const { reason, goMod, expected } of [
    { reason: 'reads a block', goMod: 'require (\n\ta.io/b v1.2.3\n)\n', expected: 'v1.2.3' },
    { reason: 'reads a line of its own', goMod: 'require a.io/b v1.2.3\n', expected: 'v1.2.3' },
    {
      reason: 'leaves a comment out',
      goMod: 'require (\n\ta.io/b v1.2.3 // indirect\n)\n',
      expected: 'v1.2.3',
    },
    {
      reason: 'is not misled by a longer name',
      goMod: 'require (\n\ta.io/b/c v9.0.0\n\ta.io/b v1.2.3\n)\n',
      expected: 'v1.2.3',
    },
    {
      reason: 'is not misled by a tool',
      goMod: 'tool (\n\ta.io/b\n)\nrequire a.io/b v1.2.3\n',
      expected: 'v1.2.3',
    },
  ]) {
    it(reason, () => assert.equal(requiredVersion(goMod, 'a.io/b'), expected));
  }

  it('throws for a module that is not required', () => {
    assert.throws(() => requiredVersion('module x\n', 'a.io/b'), { message: 'go.mod requires no a.io/b' });
  });
});

describe('versionKey', () => {
  it('tells versions and kinds of machine apart', () => {
    assert.match(
      versionKey('linux', 'x64'),
      /^kubernetes-1\.\d+\.\d+-etcd-3\.\d+\.\d+-kwok-0\.\d+\.\d+-linux-amd64$/,
    );
    assert.match(versionKey('darwin', 'arm64'), /-darwin-arm64$/);
  });
});

describe('linkerFlags', () => {
  it('lets a Kubernetes binary report the version that go.mod pins', () => {
    const component = COMPONENTS.find(({ name }) => name === 'kube-apiserver');
    assert.ok(component);
    const version = requiredVersion(goModule('kubernetes').goMod, 'k8s.io/kubernetes');
    assert.ok(linkerFlags(component).includes(`-X k8s.io/component-base/version.gitVersion=${version} `));
  });
});

describe('requiredGo', () => {
  it('reads the go line', () => assert.equal(requiredGo('module x\n\ngo 1.26.0\n'), '1.26.0'));
});
