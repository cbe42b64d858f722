/** Where triggers come from: the API server, or one file. */
import { readFile } from 'node:fs/promises';
import { parseTriggerFile } from '../config/trigger-file.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { SourceRegistry } from '../source/source-registry.ts';
import { parseObject } from './entry.ts';
import type { TriggerController } from './trigger-controller.ts';

const TRIGGER_API_VERSION = 'statewire.dev/v1alpha1';

export interface TriggerSource {
  /** Whether all triggers that can be read have been. */
  readonly synced: boolean;
  stop(): void;
}

/** Follows FunctionTriggers in the given namespaces; none given: in all. */
export function followApiTriggers(options: {
  readonly sources: SourceRegistry;
  readonly controller: TriggerController;
  readonly namespaces: readonly string[];
  readonly identity: string;
  readonly logger: Logger;
}): TriggerSource {
  const { sources, controller, namespaces, identity, logger } = options;
  const waiting = new Set<string>();
  const scopes = namespaces.length > 0 ? namespaces : [undefined];
  const subscriptions = scopes.map((namespace) => {
    const scope = namespace ?? '*';
    waiting.add(scope);
    return sources.subscribe(
      { apiVersion: TRIGGER_API_VERSION, kind: 'FunctionTrigger', namespace, identity },
      {
        resolved: () => undefined,
        delta: (delta) => {
          if (delta.type === 'Deleted') controller.remove(delta.head.uid);
          else controller.put(parseObject(delta.raw));
        },
        synced: () => void waiting.delete(scope),
        health: ({ state, message }) => {
          if (state === 'Syncing') return;
          waiting.delete(scope);
          if (state !== 'Synced') logger.warn('triggers cannot be read', { reason: state, error: message });
        },
      },
    );
  });
  return {
    get synced() {
      return waiting.size === 0;
    },
    stop: () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

/** A mounted ConfigMap is swapped by a symbolic link, which file system events miss; looking again misses nothing. */
const LOOK_EVERY_MS = 2000;
/** A file that is being written is taken once it has stayed the same for so long: half of one may look whole. */
const LOOK_AGAIN_MS = 200;

/** Follows `--triggers FILE`. Throws ConfigError where it cannot be read at start; later mistakes are logged. */
export async function followTriggerFile(options: {
  readonly path: string;
  /** The uids of all triggers, where the whole file could be read at start: there are no others any more. */
  readonly complete: (uids: Iterable<string>) => void;
  readonly controller: TriggerController;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<TriggerSource> {
  const { path, complete, controller, clock, logger } = options;
  let text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ConfigError('CONFIG_INVALID', '--triggers', messageOf(error));
  });
  let seen = text;
  let isSettled = true;
  let timer: Timer | undefined;
  let stopped = false;

  const take = (start: boolean): void => {
    const { triggers, problems } = parseTriggerFile(text, path);
    const [problem] = problems;
    if (start && problem !== undefined && triggers.length === 0) {
      throw new ConfigError('CONFIG_INVALID', '--triggers', problem.message);
    }
    for (const { message, reason } of problems)
      logger.error('trigger file has a mistake', { reason, error: message });
    // What cannot be read may be any of the triggers that are missing: a mistake takes nothing away.
    if (problem === undefined) {
      const uids = new Set(triggers.map((trigger) => (trigger['metadata'] as { readonly uid: string }).uid));
      for (const uid of controller.uids) if (!uids.has(uid)) controller.remove(uid);
      if (start) complete(uids);
    }
    for (const trigger of triggers) controller.put(trigger);
  };
  const look = async (): Promise<void> => {
    try {
      const now = await readFile(path, 'utf8');
      isSettled = now === seen;
      seen = now;
      if (now !== text && isSettled && !stopped) {
        text = now;
        take(false);
      }
    } catch (error) {
      logger.error('trigger file cannot be read', { error: messageOf(error) });
    }
    if (!stopped) timer = clock.after(isSettled ? LOOK_EVERY_MS : LOOK_AGAIN_MS, () => void look());
  };

  take(true);
  timer = clock.after(LOOK_EVERY_MS, () => void look());
  return {
    synced: true,
    stop: () => {
      stopped = true;
      timer?.cancel();
    },
  };
}
