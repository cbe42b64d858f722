/** Triggers that documents show, on a real API server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { TRIGGER_CRD } from '../../forwarder/config/trigger-schema.ts';
import { applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { documentedTriggers } from '../support/documents.ts';

const { kubectl } = await sharedLocalCluster();
const namespace = await testNamespace({ after });
await applyYaml(readFileSync(TRIGGER_CRD, 'utf8'));

describe('a trigger in a document', () => {
  for (const { document, name, manifest } of documentedTriggers()) {
    it(`is taken by the API server: ${name} of ${document}`, async () => {
      const { metadata, ...rest } = manifest as { metadata: object };
      const here = JSON.stringify({ ...rest, metadata: { ...metadata, namespace } });
      const taken = await kubectl(
        ['apply', '--dry-run=server', '--validate=strict', '--output=name', '-f', '-'],
        here,
      );
      assert.equal(taken, `functiontrigger.statewire.dev/${name}\n`);
    });
  }
});
