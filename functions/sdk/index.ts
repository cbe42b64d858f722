/** `@statewire/functions`: describe a kind, define what happens, and run it on any host by its subpath. */
export { childrenOf, type Children } from './children.ts';
export type {
  Cluster,
  KindRef,
  ObjectRef,
  PatchStatusOptions,
  StatusOutcome,
  StatusStatement,
  StatusSubject,
} from './cluster/cluster.ts';
export {
  customResource,
  type CustomResource,
  type DeletedObjectOf,
  type KubernetesObject,
  type ObjectMeta,
  type ObjectOf,
  type ResourceObject,
  type ResultOf,
  type StatusOf,
} from './custom-resource.ts';
export {
  defineFunction,
  type ContextOf,
  type DeletedContextOf,
  type HandlerContext,
  type Handlers,
  type StatewireFunction,
} from './define-function.ts';
export { permanent, retryAfter, type FunctionError } from './errors.ts';
export type { ReceivedEvent } from './event.ts';
export type { Logger, LogFields } from './log.ts';
export { done, requeue, type Stamp } from './results.ts';
export type { ChangeClass, EventType, Reason } from '../../protocol/event.ts';
export type {
  FunctionResult,
  Manifest,
  ResultCondition,
  ResultError,
  ResultEvent,
} from '../../protocol/result.ts';
