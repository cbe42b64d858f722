/** Who a trigger is, also one whose spec is no good: a condition needs somebody to stand on. */
import type { TriggerIdentity } from '../model/trigger.ts';

/** Namespace, name, uid and generation of an object; undefined where it lacks one of the first three. */
export function readIdentity(raw: unknown): TriggerIdentity | undefined {
  const metadata = (raw as { metadata?: Readonly<Record<string, unknown>> | null } | null | undefined)
    ?.metadata;
  const { namespace, name, uid, generation } = metadata ?? {};
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof uid !== 'string') return undefined;
  if (namespace === '' || name === '' || uid === '') return undefined;
  return { namespace, name, uid, generation: typeof generation === 'number' ? generation : 1 };
}
