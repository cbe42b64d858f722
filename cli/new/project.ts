/** A function project, as its files. */
import { dump } from 'js-yaml';
import { readAsset } from '../../forwarder/lib/assets.ts';
import { type Crd, versionOf } from '../types/crd.ts';
import { renderModule } from '../types/render-module.ts';
import { camel } from '../types/text.ts';
import { givenFunction, givenTest, starterFunction, starterTest } from './function-text.ts';
import { type HostName, HOSTS } from './hosts.ts';
import { badSampleOf, type Sample, sampleOf } from './sample.ts';

export interface ProjectOptions {
  readonly name: string;
  readonly host: HostName;
  readonly crd: Crd;
  readonly crdText: string;
  /** Whether the CRD is the one that projects start with. */
  readonly isStarter: boolean;
  readonly sdk: string | undefined;
}

export interface Project {
  /** Texts by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Fields of the good sample that may not meet their rules. */
  readonly doubtful: readonly string[];
}

/** Exact versions of what is not among our own dependencies. */
const VERSIONS: Readonly<Record<string, string>> = { '@azure/functions': '4.16.5' };

const STARTER: { readonly good: Sample; readonly bad: unknown } = {
  good: { value: { message: 'Hello', copies: 2 }, doubtful: [] },
  bad: { message: 'Hello', copies: 101 },
};

export function makeProject(options: ProjectOptions): Project {
  const { name, host, crd, isStarter } = options;
  const { group, names } = crd.spec;
  const version = versionOf(crd);
  const { spec = {}, status } = version.schema?.openAPIV3Schema?.properties ?? {};
  const apiVersion = `${group}/${version.name}`;
  const given = sampleOf(spec, 'spec');
  const { good, bad } = isStarter ? STARTER : { good: given, bad: badSampleOf(spec, given.value) };
  const kinds = { kind: names.kind, fn: `${camel(names.kind)}Function`, host };
  const hasConditions = status?.properties?.['conditions'] !== undefined;
  const { file, text, files, target } = HOSTS[host];
  const object = (sample: string, value: unknown): string =>
    dump({ apiVersion, kind: names.kind, metadata: { name: sample }, spec: value });
  return {
    doubtful: good.doubtful,
    files: {
      '.gitignore': 'node_modules\ndist\n',
      'README.md': readme(options, version.name),
      'crd.yaml': options.crdText,
      'function.test.ts': isStarter ? starterTest(kinds) : givenTest(kinds, bad !== undefined),
      'function.ts': isStarter ? starterFunction(kinds) : givenFunction(kinds, hasConditions),
      [file]: text(kinds.fn, name),
      'package.json': packageJson(options),
      'resource.ts': renderModule([crd]),
      'samples/good.yaml': object('good', good.value),
      ...(bad !== undefined && {
        'samples/bad.yaml': `# Refused by the API server.\n${object('bad', bad)}`,
      }),
      'trigger.yaml': dump({
        apiVersion: 'statewire.dev/v1alpha1',
        kind: 'FunctionTrigger',
        metadata: { name, namespace: 'default' },
        spec: {
          watch: {
            apiVersion,
            kind: names.kind,
            ...(isStarter && { owns: [{ apiVersion: 'v1', kind: 'ConfigMap' }] }),
          },
          target: target(name),
        },
      }),
      'tsconfig.json': `${JSON.stringify(TSCONFIG, null, 2)}\n`,
      ...files?.(name),
    },
  };
}

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2024',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  },
};

function packageJson({ name, host, sdk }: ProjectOptions): string {
  const own = JSON.parse(readAsset('package.json')) as {
    readonly version: string;
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const versions = { ...own.devDependencies, ...own.dependencies, ...VERSIONS };
  const listed = (packages: readonly string[]): Record<string, string> =>
    Object.fromEntries(packages.toSorted().map((one) => [one, versions[one] ?? '']));
  const { dependencies = [], devDependencies = [], scripts, main } = HOSTS[host];
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    ...(main !== undefined && { main }),
    scripts: { test: 'node --test', types: 'tsc', ...scripts },
    dependencies: {
      '@statewire/functions': sdk ?? own.version,
      ...listed(['zod', ...dependencies]),
    },
    devDependencies: listed(['@types/node', 'esbuild', 'js-yaml', 'typescript', ...devDependencies]),
    engines: { node: '>=24.12' },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function readme({ name, host, crd }: ProjectOptions, version: string): string {
  const { kind, plural } = crd.spec.names;
  return `# ${name}

What happens to a \`${kind}\` (${crd.spec.group}/${version}), as a function for Statewire.

| file                     | is                                                                    |
| ------------------------ | --------------------------------------------------------------------- |
| \`crd.yaml\`               | the resource: schema, rules, status                                   |
| \`resource.ts\`            | its types, made by \`statewire types crd.yaml > resource.ts\`           |
| \`function.ts\`            | what happens: the one to edit                                         |
| \`${HOSTS[host].file}\` ${' '.repeat(Math.max(0, 20 - HOSTS[host].file.length))}  | where it runs                                                         |
| \`function.test.ts\`       | what it promises; \`npm install && npm test\`                           |
| \`trigger.yaml\`           | when it is called                                                     |
| \`samples/\`               | objects to apply; \`bad.yaml\` is refused                               |

Try it on your cluster, reloaded with every save, with nothing installed but the CRD:

\`\`\`sh
kubectl apply -f crd.yaml
statewire dev function.ts        # leave it running
kubectl apply -f samples/good.yaml
kubectl get ${plural}
\`\`\`

Deploy it: ${HOSTS[host].deploy(name)} Then \`kubectl apply -f crd.yaml -f trigger.yaml\`, where a forwarder runs.
`;
}
