/** Triggers as they are written down, and what reading them comes to. */
import assert from 'node:assert/strict';
import { readTrigger } from '../../forwarder/config/read-trigger.ts';
import type { TriggerProblem } from '../../forwarder/config/trigger-problem.ts';
import type { Trigger } from '../../forwarder/model/trigger.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function manifest(spec: unknown, metadata: Fields = {}): unknown {
  return {
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { namespace: 'shop', name: 'application', uid: 'u-1', generation: 3, ...metadata },
    spec,
  };
}

export function accepted(raw: unknown, source: 'api' | 'file' = 'api'): Trigger {
  const read = readTrigger(raw, { source });
  assert.ok('trigger' in read, JSON.stringify(read));
  return read.trigger;
}

export function problemsOf(raw: unknown, source: 'api' | 'file' = 'api'): readonly TriggerProblem[] {
  const read = readTrigger(raw, { source });
  assert.ok('problems' in read, 'the trigger was accepted');
  return read.problems;
}
