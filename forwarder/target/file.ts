/**
 * Target `file`: writes the event, as structured CloudEvents JSON, to a file beside a local application, then tells that
 * application by a signal or by a POST to this computer. For triggers of `--triggers FILE` only.
 *
 * A reader sees the file as it was or as it is, never a part. With `{name}` in the path each object has a file of its
 * own, which goes when the object does; without, the one file holds the newest event, whichever object it is about.
 */
import { formatDuration } from '../../protocol/duration.ts';
import { EVENT_TYPES } from '../../protocol/event.ts';
import { TargetError } from '../lib/errors.ts';
import type { Invocation } from '../model/invocation.ts';
import type { Reply, Target } from '../model/target.ts';
import type { FileTarget } from '../model/trigger.ts';
import { type CallStop, limitCall, refuseLate } from './call-limit.ts';
import { fileFailure, removeFile, replaceFile } from './file-write.ts';
import { HttpCaller, shownUrl } from './http-call.ts';
import { replyOf } from './http-reply.ts';
import { structuredEvent } from './lambda-event.ts';
import { loopbackOnly } from './loopback-guard.ts';
import { signalProcess } from './process-signal.ts';
import { requestHeaders } from './request-headers.ts';
import type { TargetEnvironment, TargetMaker } from './target-maker.ts';

/** File targets; those that notify share connections to this computer. */
export function fileTargets({ clock }: TargetEnvironment): TargetMaker<FileTarget> {
  // The administrator names the address, in a file of this computer; what triggers of a cluster may reach is none of it.
  const caller = new HttpCaller({ clock, guard: loopbackOnly });
  return {
    create: (spec) => createFileTarget(spec, clock, caller),
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  };
}

function createFileTarget(
  { path, signal: tell, notify }: FileTarget,
  clock: TargetEnvironment['clock'],
  caller: HttpCaller,
): Target {
  const where = `file ${path}`;

  const notifyApplication = async (url: URL, invocation: Invocation, signal: AbortSignal): Promise<void> => {
    const headers = requestHeaders(invocation, {});
    const end = await caller.post({ url, headers, body: invocation.dataJson }, invocation, signal);
    const { timeoutMs } = invocation;
    replyOf(end, { where: shownUrl(url), timeoutMs, reply: 'Ignore', nowMs: clock.now() });
  };

  const deliver = async (
    invocation: Invocation,
    signal: AbortSignal,
    isOver: () => boolean,
  ): Promise<void> => {
    const file = pathOf(path, invocation);
    if (invocation.attributes.type === EVENT_TYPES.Deleted && path.includes('{name}')) {
      await removeFile(file);
    } else {
      await replaceFile(file, structuredEvent(invocation), invocation.idempotencyKey, isOver);
    }
    if (isOver()) return;
    if (tell !== undefined) await signalProcess(tell.pidFile, tell.name);
    if (notify !== undefined) await notifyApplication(new URL(notify.url), invocation, signal);
  };

  return {
    type: 'file',
    description: where,
    maxDataBytes: undefined,
    async invoke(invocation, signal): Promise<Reply> {
      signal.throwIfAborted();
      refuseLate(clock, invocation);
      const stopped = Promise.withResolvers<CallStop>();
      using _limit = limitCall(clock, invocation, signal, stopped.resolve);
      let over = false;
      const delivered = deliver(invocation, signal, () => over).then(
        () => 'delivered' as const,
        (error: unknown) => ({ error }),
      );
      const end = await Promise.race([delivered, stopped.promise]);
      if (end === 'delivered') return { kind: 'empty' };
      // What is still being written then is never put in place: a newer state may be there before it.
      over = true;
      if (end === 'stopped') throw signal.reason;
      if (end === 'deadline') {
        const within = formatDuration(invocation.timeoutMs);
        throw new TargetError('TARGET_TIMEOUT', `${where}: not done within ${within}`, { blame: 'delivery' });
      }
      signal.throwIfAborted();
      throw fileFailure(end.error, where);
    },
    // The connections belong to all triggers.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Names of Kubernetes are path segments: never `.` or `..`, and without `/`. */
function pathOf(path: string, { attributes }: Invocation): string {
  return path.replaceAll(/\{(namespace|name)\}/g, (_, part: 'namespace' | 'name') => {
    const value = attributes[part] ?? '';
    if (!/^\.{0,2}$/.test(value) && !/[/\0]/.test(value)) return value;
    throw new TargetError('TARGET_REFUSED', `the object has no ${part} that can be a part of a path`, {
      blame: 'delivery',
      permanent: true,
    });
  });
}
