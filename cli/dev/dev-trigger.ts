/** The temporary trigger: what the function's own trigger selects, owns and counts, with this computer as its target. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, messageOf } from '../../forwarder/lib/errors.ts';
import { parseTriggerFile } from '../../forwarder/config/trigger-file.ts';
import type { FunctionKind } from './function-messages.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A FunctionTrigger of a file. */
export interface GivenTrigger {
  readonly file: string;
  readonly name: string;
  readonly spec: Fields & { readonly watch: FunctionKind };
}

/** Where people keep it. */
const USUAL = 'trigger.yaml';
/** Names of triggers. */
const MAX_NAME = 63;

/**
 * The trigger for that kind: of the named file, else of `trigger.yaml` beside the function.
 *
 * @throws ConfigError where the named file has none
 */
export function findTrigger(
  named: string | undefined,
  functionFile: string,
  kind: FunctionKind,
): GivenTrigger | undefined {
  const file = named ?? path.join(path.dirname(functionFile), USUAL);
  if (named === undefined && !existsSync(file)) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', '--trigger', messageOf(error));
  }
  const { triggers, problems } = parseTriggerFile(text, file);
  const found = triggers.find((trigger) => {
    const { watch } = trigger['spec'] as { readonly watch?: Partial<FunctionKind> };
    return watch?.kind === kind.kind && watch.apiVersion === kind.apiVersion;
  });
  if (found !== undefined) {
    const { name } = found['metadata'] as { readonly name: string };
    return { file, name, spec: found['spec'] as GivenTrigger['spec'] };
  }
  if (named === undefined) return undefined;
  const problem = problems[0]?.message ?? `holds no FunctionTrigger for ${kind.kind} of ${kind.apiVersion}`;
  throw new ConfigError('CONFIG_INVALID', '--trigger', problem);
}

/** As JSON, for a file of triggers. Its name is its own, so that it never speaks for one that is installed. */
export function devTrigger(options: {
  readonly given: GivenTrigger | undefined;
  readonly kind: FunctionKind;
  readonly namespace: string;
  readonly url: string;
  readonly existing: boolean;
}): string {
  const { given, kind, namespace, url, existing } = options;
  const { token } = (given?.spec['payload'] ?? {}) as { readonly token?: unknown };
  const name = `${(given?.name ?? kind.kind.toLowerCase()).slice(0, MAX_NAME - 4)}-dev`;
  return JSON.stringify({
    apiVersion: 'statewire.dev/v1alpha1',
    kind: 'FunctionTrigger',
    metadata: { name, namespace },
    spec: {
      watch: kind,
      ...given?.spec,
      target: { http: { url } },
      initial: existing ? 'Deliver' : 'Skip',
      // Objects must not be held for a process that ends at any moment, and nobody else's rights are borrowed: but for the
      // token that the function asks for, which whoever runs this must be allowed to make.
      finalizer: false,
      suspend: false,
      ...(token !== true && { serviceAccountName: 'default' }),
    },
  });
}
