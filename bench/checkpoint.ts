/**
 * What checkpoints cost: 100,000 objects, then a long random workload of changes, on files and on a real API server.
 * `node bench/checkpoint.ts [--quick]`; bench/README.md keeps the last figures.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CheckpointLog } from '../forwarder/checkpoint/checkpoint-log.ts';
import { FileSegmentStores } from '../forwarder/checkpoint/file-segment-store.ts';
import { KubeSegmentStores } from '../forwarder/checkpoint/kube-segment-store.ts';
import type { CheckpointHeader } from '../forwarder/checkpoint/segment.ts';
import type { SegmentStore } from '../forwarder/checkpoint/segment-store.ts';
import { HttpKubeClient } from '../forwarder/kube/kube-client.ts';
import { loadAccess } from '../forwarder/kube/load-access.ts';
import { systemClock } from '../forwarder/lib/clock.ts';
import { silentLogger } from '../forwarder/lib/logger.ts';
import { startLocalCluster } from '../local-cluster/start.ts';
import { type Figure, percentile, renderTable } from './table.ts';

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const OBJECTS = flags.quick ? 10_000 : 100_000;
/** So many changes are written at once: 200 changes a second, an append each second. */
const BATCH = 200;
/** Of one change in so many an object goes and another comes. */
const CHURN = 20;
const NAMESPACE = 'bench-checkpoint';
const trigger = { namespace: NAMESPACE, name: 'application', uid: randomUUID(), generation: 1 };

/** As long as the line of a record is: about 130 characters with its uid. */
function lineOf(version: number): string {
  return JSON.stringify([
    `application-${String(version % 100_000).padStart(6, '0')}`,
    String(1_000_000 + version),
    3,
    0,
    'h',
    `${version.toString(16).padStart(12, '0')}Zq3`,
    0,
    String(1_000_000 + version),
  ]);
}

function headerAt(version: number): CheckpointHeader {
  const recipes = [
    { changes: ['Spec', 'Labels'], selectors: { labels: 'managed=true' }, redact: ['spec.password'] },
  ];
  return {
    kind: 'Application.example.com',
    epoch: 0,
    completeUpTo: String(1_000_000 + version),
    clean: false,
    initialSynced: true,
    recipes,
  };
}

/** What the forwarder knows, and its log. */
class Process {
  readonly lines = new Map<string, string>();
  readonly log: CheckpointLog;
  readonly appendMs: number[] = [];
  #uids: string[] = [];
  #version = 0;

  constructor(store: SegmentStore) {
    this.log = new CheckpointLog({
      store,
      encode: (uid) => this.lines.get(uid),
      liveCount: () => this.lines.size,
    });
  }

  async fill(): Promise<void> {
    this.#uids = Array.from({ length: OBJECTS }, () => randomUUID());
    for (const uid of this.#uids) this.lines.set(uid, lineOf(this.#version++));
    await this.log.append(headerAt(this.#version), this.#uids);
    await this.log.idle();
  }

  async change(count: number): Promise<void> {
    for (let done = 0; done < count; done += BATCH) {
      const changed = Array.from({ length: BATCH }, () => this.#changeOne()).flat();
      const startMs = performance.now();
      await this.log.append(headerAt(this.#version), changed);
      this.appendMs.push(performance.now() - startMs);
      // As with a second between appends.
      await this.log.idle();
    }
  }

  #changeOne(): string[] {
    const at = Math.floor(Math.random() * this.#uids.length);
    const uid = this.#uids[at] as string;
    const version = this.#version++;
    if (version % CHURN !== 0) {
      this.lines.set(uid, lineOf(version));
      return [uid];
    }
    const next = randomUUID();
    this.lines.delete(uid);
    this.lines.set(next, lineOf(version));
    this.#uids[at] = next;
    return [uid, next];
  }
}

interface Run {
  readonly name: string;
  readonly store: () => SegmentStore;
  readonly changes: number;
  /** Bytes as they lie there, and how many objects hold them. */
  readonly measure: () => Promise<{ readonly bytes: number; readonly count: number }>;
}

async function measure({ name, store, changes, measure: weigh }: Run): Promise<readonly Figure[]> {
  process.stderr.write(`${name} …\n`);
  const one = new Process(store());
  await one.log.claim(() => headerAt(0));
  const fillStart = performance.now();
  await one.fill();
  const fillMs = performance.now() - fillStart;
  const filled = await weigh();
  const writtenBefore = one.log.stats.writtenBytes;
  await one.change(changes);
  const written = one.log.stats.writtenBytes - writtenBefore;
  const after = await weigh();
  const loads: number[] = [];
  for (let round = 0; round < 3; round++) {
    const startMs = performance.now();
    const { records } = await new CheckpointLog({
      store: store(),
      encode: () => undefined,
      liveCount: () => 0,
    }).load();
    loads.push(performance.now() - startMs);
    if (records.size !== one.lines.size) throw new Error(`${records.size} of ${one.lines.size} were loaded`);
  }
  await one.log[Symbol.asyncDispose]();
  const objects = OBJECTS.toLocaleString('en');
  return [
    {
      what: `${name}: ${objects} objects written at once`,
      value: fillMs,
      unit: 'ms',
      note: `${filled.count} segments`,
    },
    { what: `${name}: stored right after`, value: filled.bytes / 1e6, unit: 'MB' },
    {
      what: `${name}: stored after ${changes.toLocaleString('en')} changes`,
      value: after.bytes / 1e6,
      unit: 'MB',
      note: `${after.count} segments`,
    },
    {
      what: `${name}: written per 1,000 changes`,
      value: written / changes,
      unit: 'KB',
      note: 'merges included',
    },
    { what: `${name}: append of ${BATCH}, p50`, value: percentile(one.appendMs, 50), unit: 'ms' },
    { what: `${name}: append of ${BATCH}, p99`, value: percentile(one.appendMs, 99), unit: 'ms' },
    { what: `${name}: load`, value: Math.min(...loads), unit: 'ms', note: 'best of 3' },
  ];
}

const figures: Figure[] = [];
{
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'statewire-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const files = async (): Promise<{ bytes: number; count: number }> => {
    const names = await readdir(path.join(folder, trigger.uid));
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(path.join(folder, trigger.uid, name))).size),
    );
    return { bytes: sizes.reduce((sum, size) => sum + size, 0), count: names.length };
  };
  figures.push(
    ...(await measure({
      name: 'file',
      store: () => new FileSegmentStores(folder).open(trigger),
      changes: OBJECTS * 5,
      measure: files,
    })),
  );

  const cluster = stack.use(await startLocalCluster({ components: 'api' }));
  await cluster.kubectl(['apply', '-f', '-'], await readFile('deploy/crds/triggercheckpoint.yaml', 'utf8'));
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  await cluster.kubectl(['create', 'namespace', NAMESPACE]);
  const access = await loadAccess({
    kubeconfig: cluster.kubeconfigPath,
    clock: systemClock,
    logger: silentLogger,
  });
  const client = stack.use(new HttpKubeClient({ access, clock: systemClock }));
  const objects = async (): Promise<{ bytes: number; count: number }> => {
    let bytes = 0;
    let count = 0;
    let token = '';
    do {
      const { text } = await client.request({
        method: 'GET',
        path: `/apis/statewire.dev/v1alpha1/namespaces/${NAMESPACE}/triggercheckpoints`,
        query: { limit: '50', ...(token !== '' && { continue: token }) },
      });
      const page = JSON.parse(text) as { metadata: { continue?: string }; items: unknown[] };
      bytes += Buffer.byteLength(text);
      count += page.items.length;
      token = page.metadata.continue ?? '';
    } while (token !== '');
    return { bytes, count };
  };
  figures.push(
    ...(await measure({
      name: 'API server',
      store: () => new KubeSegmentStores({ client, owned: false }).open(trigger),
      changes: OBJECTS,
      measure: objects,
    })),
  );
}
process.stdout.write(renderTable(figures));
