import { safeParse, type $ZodType } from 'zod/v4/core';
import type { EventType } from '../../protocol/event.ts';
import type { CustomResource, KubernetesObject, ResourceObject } from './custom-resource.ts';
import { describeIssues } from './describe-issues.ts';
import { permanent } from './errors.ts';
import { EventError } from './event.ts';
import { loosen } from './loosen.ts';
import type { Logger } from './log.ts';

type AnyObject = ResourceObject<unknown, unknown>;

/** Loosened on first use: a recursive schema may name others that are declared after the kind. */
const loose = new WeakMap<$ZodType, $ZodType>();

function looseOf(schema: $ZodType): $ZodType {
  const known = loose.get(schema) ?? loosen(schema);
  loose.set(schema, known);
  return known;
}

export function looseStatus(resource: CustomResource): $ZodType | undefined {
  return resource.status === undefined ? undefined : looseOf(resource.status);
}

/**
 * The object as handlers get it, spec and status by the schemas of the kind.
 *
 * Throws EventError for another kind, and a permanent error for a spec of the wrong shape: trying again cannot change
 * it, and the next edit of the object comes as a new event. On deletions such a spec is left out instead.
 */
export function readObject(
  resource: CustomResource,
  type: EventType,
  object: KubernetesObject,
  log: Logger,
): AnyObject {
  refuseOtherKinds(resource, object);
  const { spec, status, ...rest } = object;
  const read: AnyObject = { ...rest, spec: undefined, ...readStatus(resource, status, log) };
  if (type === 'Deleted' && spec === undefined) return read;
  const checked = safeParse(looseOf(resource.spec), spec);
  if (checked.success) return { ...read, spec: checked.data };
  const problem = describeIssues(checked.error.issues, 'spec');
  if (type !== 'Deleted') throw permanent(problem);
  log.warn('spec left out: it does not have the declared shape', { problem });
  return read;
}

/** Throws EventError for an object that is none of the kind. */
export function refuseOtherKinds(resource: CustomResource, { apiVersion, kind }: KubernetesObject): void {
  if (apiVersion === resource.apiVersion && kind === resource.kind) return;
  const own = `${resource.apiVersion} ${resource.kind}`;
  throw new EventError(422, `this function takes ${own}, not ${apiVersion} ${kind}`);
}

/** The last state handled, left out where it does not have today's shape. */
export function readPrevious(
  resource: CustomResource,
  type: EventType,
  object: KubernetesObject | undefined,
  log: Logger,
): AnyObject | undefined {
  if (object === undefined) return undefined;
  try {
    return readObject(resource, type, object, log);
  } catch (error) {
    log.warn('previous left out: it does not have the declared shape', { error });
    return undefined;
  }
}

/** A status is the function's own earlier word, perhaps of an older version: never a reason to fail. */
function readStatus(resource: CustomResource, status: unknown, log: Logger): { status?: unknown } {
  const schema = looseStatus(resource);
  if (status === undefined || schema === undefined) return status === undefined ? {} : { status };
  const checked = safeParse(schema, status);
  if (checked.success) return { status: checked.data };
  log.warn('status left out: it does not have the declared shape', {
    problem: describeIssues(checked.error.issues, 'status'),
  });
  return {};
}
