/** When a child has changed for its owner. */
import type { KubeObject } from '../model/kube-object.ts';
import { canonicalJson } from './canonical-json.ts';
import { ownership, shortHash, withoutOwned } from './digest.ts';

/** Fields of metadata that every write changes, or that never change. */
const UNCOUNTED_METADATA = new Set(['resourceVersion', 'generation', 'managedFields', 'selfLink']);

/**
 * Digest of everything in a child that somebody else may have changed: its spec, status and metadata without what the
 * trigger's own manager applied.
 */
export function childDigest(child: KubeObject, fieldManager: string): string {
  const owned = ownership(child, fieldManager);
  const { metadata, ...fields } = child;
  const counted = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, withoutOwned(value, owned, [`f:${name}`])]),
  );
  const countedMetadata = Object.fromEntries(
    Object.entries(metadata)
      .filter(([name]) => !UNCOUNTED_METADATA.has(name))
      .map(([name, value]) => [name, withoutOwned(value, owned, ['f:metadata', `f:${name}`])]),
  );
  return shortHash(canonicalJson([counted, countedMetadata]));
}
