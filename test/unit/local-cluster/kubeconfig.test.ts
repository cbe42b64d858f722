import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOurKubeconfig, kubeconfigText } from '../../../local-cluster/kubeconfig.ts';

const ours = kubeconfigText({ server: 'https://127.0.0.1:20000', caPem: '-----BEGIN', token: 'abc-_1' });

describe('isOurKubeconfig', () => {
  it('knows what we wrote', () => assert.ok(isOurKubeconfig(ours)));

  for (const { reason, text } of [
    { reason: 'an empty file', text: '' },
    { reason: 'a kubeconfig of another tool', text: 'apiVersion: v1\nkind: Config\nclusters: []\n' },
    { reason: 'ours with a cluster added', text: ours.replace('users:', '  - name: production\nusers:') },
    { reason: 'ours with another namespace', text: ours.replace('namespace: default', 'namespace: shop') },
    { reason: 'ours with something behind it', text: `${ours}---\n` },
  ]) {
    it(`takes ${reason} for somebody else's`, () => assert.ok(!isOurKubeconfig(text)));
  }
});
