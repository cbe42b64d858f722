import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recipeOf } from '../../../forwarder/filter/recipe.ts';
import { ObjectRecord } from '../../../forwarder/filter/record.ts';
import { objectKey } from '../../../forwarder/model/kube-object.ts';
import type { Checkpointer } from '../../../forwarder/pipeline/checkpointer.ts';
import { Continuation } from '../../../forwarder/pipeline/continuation.ts';
import { Entries, Entry } from '../../../forwarder/pipeline/entry.ts';
import type { Intake } from '../../../forwarder/pipeline/intake.ts';

const GONE = { reason: 'Deleted', resourceVersion: '9', started: false } as const;

function entryOf(name: string): Entry {
  const head = { key: objectKey(name), uid: name, name, resourceVersion: '1', deleting: false };
  const recipe = recipeOf({ kind: 'changes', classes: ['Spec'] }, 'statewire/app');
  return new Entry(head.key, new ObjectRecord(head, recipe, 'digest', '1', 0));
}

describe('A pipeline that goes on', () => {
  it('sends the ends that were not told before; those that the first list shows are on their way already', async () => {
    const entries = new Entries();
    const [before, shown] = [entryOf('before'), entryOf('shown')];
    before.record.gone = GONE;
    for (const entry of [before, shown]) entries.add(entry);
    const sent: string[] = [];
    const continuation = new Continuation({
      entries,
      children: { isSynced: true, recipe: '', fingerprint: () => undefined },
      redeliverAt: () => undefined,
      checkpoint: {
        restore: () => Promise.resolve({ initialSynced: true, redeliverAt: undefined }),
        synced: () => undefined,
        redelivered: () => undefined,
      } as unknown as Checkpointer,
      intake: {
        resume: () => undefined,
        synced: () => undefined,
        reconsider: ({ name }: Entry) => sent.push(name),
      } as unknown as Intake,
    });
    await continuation.begin(new AbortController().signal);
    shown.record.gone = GONE;
    continuation.allSeen();
    continuation.allSeen();
    assert.deepEqual(sent, ['before']);
  });
});
