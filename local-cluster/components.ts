/**
 * What a control plane consists of: where each binary comes from, and what building it costs.
 *
 * Versions are written down once, in the go.mod files beside this file.
 */
import { readAsset } from '../forwarder/lib/assets.ts';

export type BinaryName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kubectl'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok';

/** Anything that the search order looks for: the binaries, and KWOK's rules for nodes and pods. */
export type ArtifactName = BinaryName | 'kwok-stages.yaml';

/** A Go module of ours that pins versions, and nothing else. */
export interface GoModule {
  /** Name of its folder under local-cluster/go. */
  readonly name: 'kubernetes' | 'kwok';
  /** Text of its go.mod and go.sum. */
  readonly goMod: string;
  readonly goSum: string;
}

export interface Component {
  readonly name: ArtifactName;
  readonly module: GoModule['name'];
  /** Go package, or the module whose files are taken. */
  readonly source: string;
  /** Cold, on two cores, in this order (each build warms Go's cache for the next). */
  readonly buildMs: number;
  /** Size of the result in bytes. */
  readonly bytes: number;
}

const MB = 1e6;

/** In the order in which they are built: what an API server alone needs comes first. */
export const COMPONENTS: readonly Component[] = [
  {
    name: 'kube-apiserver',
    module: 'kubernetes',
    source: 'k8s.io/kubernetes/cmd/kube-apiserver',
    buildMs: 245_000,
    bytes: 105 * MB,
  },
  {
    name: 'etcd',
    module: 'kubernetes',
    source: 'go.etcd.io/etcd/server/v3',
    buildMs: 11_000,
    bytes: 27 * MB,
  },
  {
    name: 'kubectl',
    module: 'kubernetes',
    source: 'k8s.io/kubernetes/cmd/kubectl',
    buildMs: 28_000,
    bytes: 60 * MB,
  },
  {
    name: 'kube-controller-manager',
    module: 'kubernetes',
    source: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    buildMs: 60_000,
    bytes: 96 * MB,
  },
  {
    name: 'kube-scheduler',
    module: 'kubernetes',
    source: 'k8s.io/kubernetes/cmd/kube-scheduler',
    buildMs: 7000,
    bytes: 73 * MB,
  },
  { name: 'kwok', module: 'kwok', source: 'sigs.k8s.io/kwok/cmd/kwok', buildMs: 65_000, bytes: 64 * MB },
  { name: 'kwok-stages.yaml', module: 'kwok', source: 'sigs.k8s.io/kwok', buildMs: 1000, bytes: 0.02 * MB },
];

/** Go's module and build caches grow by about this much in a first build. */
export const GO_CACHE_BYTES: number = 4800 * MB;

/** The module of ours that pins a component's version. */
export function goModule(name: GoModule['name']): GoModule {
  const folder = `local-cluster/go/${name}`;
  return { name, goMod: readAsset(`${folder}/go.mod`), goSum: readAsset(`${folder}/go.sum`) };
}

/** The version that a go.mod requires of a module, like `v1.36.3`. */
export function requiredVersion(goMod: string, module: string): string {
  const words = goMod.split('\n').map((line) =>
    line
      .replace(/^require /, '')
      .trim()
      .split(' '),
  );
  const version = words.find(([name, version]) => name === module && version?.startsWith('v'))?.[1];
  if (version === undefined) throw new Error(`go.mod requires no ${module}`);
  return version;
}

/** The least Go version that a go.mod asks for, like `1.26.0`. */
export function requiredGo(goMod: string): string {
  const version = /^go (\S+)$/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error('go.mod names no Go version');
  return version;
}

/** Names the folder of one set of versions for one kind of machine. */
export function versionKey(platform: string, arch: string): string {
  const kubernetes = goModule('kubernetes').goMod;
  const versions = [
    ['kubernetes', requiredVersion(kubernetes, 'k8s.io/kubernetes')],
    ['etcd', requiredVersion(kubernetes, 'go.etcd.io/etcd/server/v3')],
    ['kwok', requiredVersion(goModule('kwok').goMod, 'sigs.k8s.io/kwok')],
  ];
  const cpu = arch === 'x64' ? 'amd64' : arch;
  return [...versions.map(([name, version]) => `${name}-${version?.slice(1)}`), platform, cpu].join('-');
}

/** The flags that make a binary report its version, as its own release build would. */
export function linkerFlags(component: Component): string {
  const strip = '-s -w';
  if (component.source.startsWith('go.etcd.io/')) return strip;
  const version = requiredVersion(
    goModule(component.module).goMod,
    component.module === 'kwok' ? 'sigs.k8s.io/kwok' : 'k8s.io/kubernetes',
  );
  if (component.module === 'kwok')
    return `${strip} -X sigs.k8s.io/kwok/pkg/consts.Version=${version.slice(1)}`;
  const [major, minor] = version.slice(1).split('.');
  const variables = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const set = Object.entries(variables).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return [strip, ...set].join(' ');
}
