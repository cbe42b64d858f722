/** What `statewire new` was asked for. */
import { parseArgs } from 'node:util';
import { ConfigError, messageOf } from '../../forwarder/lib/errors.ts';
import { pascal } from '../types/text.ts';
import { type HostName, HOSTS } from './hosts.ts';

const USAGE =
  'usage: statewire new NAME [--kind KIND] [--host HOST] [--group GROUP | --crd FILE] [--sdk SPEC]';

export const NEW_HELP: string = `${USAGE}

Makes a function project in ./NAME: handler, CRD with types, trigger, samples, tests. It needs Node.js 24.12 or newer.

--kind KIND     the custom resource. Default: NAME in capitals and small letters, the only kind of --crd
--host HOST     where it runs: ${Object.keys(HOSTS).join(', ')}. Default: http
--group GROUP   API group of the kind. Default: example.com
--crd FILE      a CRD to start from, YAML or JSON
--sdk SPEC      what package.json asks for as @statewire/functions, such as file:../statewire-functions-0.1.0.tgz.
                Default: the version of this statewire
`;

export interface NewOptions {
  readonly name: string;
  readonly kind: string | undefined;
  readonly host: HostName;
  readonly group: string;
  readonly crd: string | undefined;
  readonly sdk: string | undefined;
}

/** The name of a trigger, of a function on every host, and of a package. */
const NAME = /^[a-z]([-a-z0-9]{0,48}[a-z0-9])?$/;
const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
const GROUP = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;

/** Undefined where help was asked for. @throws ConfigError */
export function parseNewOptions(args: readonly string[]): NewOptions | undefined {
  const { values, positionals } = read(args);
  if (values.help) return undefined;
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw invalid('NAME', `give one; ${USAGE}`);
  if (!NAME.test(name)) {
    throw invalid('NAME', `"${name}" must be at most 50 of a-z, 0-9 and -, beginning with a letter`);
  }
  const { crd, host = 'http', group, kind } = values;
  if (crd !== undefined && group !== undefined) throw invalid('--group', 'is that of --crd');
  const wanted = kind ?? (crd === undefined ? pascal(name) : undefined);
  if (wanted !== undefined && !KIND.test(wanted)) {
    throw invalid('--kind', `"${wanted}" must begin with a capital letter and hold letters and digits alone`);
  }
  if (group !== undefined && (!GROUP.test(group) || group.length > 253)) {
    throw invalid('--group', `"${group}" is no group like example.com`);
  }
  if (!Object.hasOwn(HOSTS, host)) {
    throw invalid('--host', `"${host}" is none of ${Object.keys(HOSTS).join(', ')}`);
  }
  return { name, kind: wanted, host: host as HostName, group: group ?? 'example.com', crd, sdk: values.sdk };
}

// eslint-disable-next-line typescript/explicit-function-return-type -- what parseArgs infers
function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        kind: { type: 'string' },
        host: { type: 'string' },
        group: { type: 'string' },
        crd: { type: 'string' },
        sdk: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw invalid('arguments', messageOf(error).split('. ')[0] ?? '');
  }
}

function invalid(field: string, message: string): ConfigError {
  return new ConfigError('CONFIG_INVALID', field, message);
}
