/** What `statewire dev` was asked for. */
import { parseArgs } from 'node:util';
import { ConfigError, messageOf } from '../../forwarder/lib/errors.ts';

const USAGE = 'usage: statewire dev FILE [options]';

export const DEV_HELP: string = `${USAGE}

Runs the function of a TypeScript or JavaScript file on this computer against a cluster: shows each event and result,
reloads when the file or what it imports is saved. What the function answers is written to the cluster. The trigger is
a temporary one: nothing is installed, and nothing of it is left behind.

FILE exports what defineFunction returned; @statewire/functions is installed beside it.

--kubeconfig FILE      the cluster. Default, as for kubectl: the files that KUBECONFIG names, else ~/.kube/config
-n, --namespace NAME   default: that of the kubeconfig's context, else "default"
--trigger FILE         a FunctionTrigger: what it selects, owns and counts is used, its target is not.
                       Default: trigger.yaml beside FILE where that is for the same kind, else all objects of the kind
--export NAME          which one, where FILE exports several functions
--existing             call the function for objects that are there already, not for changes alone
-v, --verbose          show events and results in full
`;

export interface DevOptions {
  readonly file: string;
  readonly kubeconfig: string | undefined;
  readonly namespace: string | undefined;
  readonly trigger: string | undefined;
  readonly export: string | undefined;
  readonly existing: boolean;
  readonly verbose: boolean;
}

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Undefined where help was asked for. @throws ConfigError */
export function parseDevOptions(args: readonly string[]): DevOptions | undefined {
  const { values, positionals } = read(args);
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new ConfigError('CONFIG_INVALID', 'FILE', `name one; ${USAGE}`);
  }
  const { namespace } = values;
  if (namespace !== undefined && !NAMESPACE.test(namespace)) {
    throw new ConfigError('CONFIG_INVALID', '--namespace', `"${namespace}" is no name of a namespace`);
  }
  return {
    file,
    kubeconfig: values.kubeconfig,
    namespace,
    trigger: values.trigger,
    export: values.export,
    existing: values.existing,
    verbose: values.verbose,
  };
}

// eslint-disable-next-line typescript/explicit-function-return-type -- what parseArgs infers
function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        kubeconfig: { type: 'string' },
        namespace: { type: 'string', short: 'n' },
        trigger: { type: 'string' },
        export: { type: 'string' },
        existing: { type: 'boolean', default: false },
        verbose: { type: 'boolean', short: 'v', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new ConfigError('CONFIG_INVALID', 'arguments', messageOf(error).split('. ')[0] ?? '');
  }
}
