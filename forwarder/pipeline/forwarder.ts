/** The process: builds what all triggers share, follows triggers, and ends in order. */
import { readFile } from 'node:fs/promises';
import { EventRecorder } from '../apply/event-recorder.ts';
import { openCallbacks } from '../callback/callback-server.ts';
import type { ForwarderOptions } from '../config/parse-options.ts';
import { readTargetPolicy } from '../config/target-policy.ts';
import { DeadLetters } from '../dead-letter/dead-letters.ts';
import { Discovery } from '../kube/discovery.ts';
import type { KubeAccess } from '../kube/kube-access.ts';
import { HttpKubeClient } from '../kube/kube-client.ts';
import { loadAccess } from '../kube/load-access.ts';
import { OpenApi } from '../kube/openapi.ts';
import { StreamTransport } from '../kube/stream-transport.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { ApiError, ConfigError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import { Slots } from '../lib/slots.ts';
import type { KubeClient } from '../model/kube-client.ts';
import { startAdminServer } from '../observe/admin-server.ts';
import { StartupHealth } from '../observe/health.ts';
import { createLogger } from '../observe/json-logger.ts';
import { releaseMemoryAtRest } from '../observe/memory-release.ts';
import { PrometheusMeter } from '../observe/metrics.ts';
import { functionApiServer } from '../principal/function-access.ts';
import { Principals } from '../principal/principals.ts';
import { Turns } from '../queue/turns.ts';
import { SourceRegistry } from '../source/source-registry.ts';
import { TriggerStatusLog } from '../status/trigger-status-log.ts';
import { TriggerStatusWriter } from '../status/trigger-status-writer.ts';
import { createAddressGuard } from '../target/address-guard.ts';
import { Targets } from '../target/registry.ts';
import { openCheckpoints } from './checkpoint-stores.ts';
import type { Services } from './services.ts';
import { TriggerController } from './trigger-controller.ts';
import { followApiTriggers, followTriggerFile, type TriggerSource } from './trigger-sources.ts';

/** Writes of results under way at once, over all triggers: more only makes the API server queue. */
const MAX_RESULT_WRITES = 32;
/** Every source and request runs as the process itself. */
const OWN_IDENTITY = 'forwarder';

/** What a command that runs the forwarder within itself brings along. */
export interface ForwarderParts {
  /** Takes the place of log lines on stderr. */
  readonly logger?: Logger;
  /** Stands between the forwarder and its single requests, writes among them; watches do not pass here. */
  readonly wrapClient?: (client: KubeClient) => KubeClient;
}

/** Runs until the signal; resolves when everything has ended. Throws ConfigError before anything is invoked. */
export async function runForwarder(
  options: ForwarderOptions,
  stop: AbortSignal,
  parts: ForwarderParts = {},
): Promise<void> {
  const clock = systemClock;
  const random = systemRandom;
  const logger = parts.logger ?? createLogger({ format: options.logFormat, level: options.logLevel, clock });
  const meter = new PrometheusMeter({});
  const access = await loadAccess({ kubeconfig: options.kubeconfig, clock, logger });
  const connection = new HttpKubeClient({ access, clock, meter });
  const client = parts.wrapClient?.(connection) ?? connection;
  const transport = new StreamTransport({ access, clock, meter });
  const clusterId = options.clusterId ?? (await readClusterId(client, clock, logger, stop));
  const discovery = new Discovery(client);
  const sources = new SourceRegistry({
    connect: () => ({ transport, discovery }),
    clock,
    random,
    logger,
    meter,
    auditIntervalMs: options.auditIntervalMs,
  });
  const callbacks = await openCallbacks(options.callbacks, { clock, logger, meter });
  const targets = new Targets({
    clock,
    guard: await guardOf(options, access),
    env: process.env,
    ...(callbacks !== undefined && { callbacks: callbacks.desk }),
  });
  const fromFile = options.triggersFile !== undefined;
  const principals = new Principals({
    client,
    discovery,
    clock,
    ambient: (namespace) => fromFile || options.ambientNamespaces.includes(namespace),
    apiServer: functionApiServer(access, options.functionApiServer),
  });
  const recorder = new EventRecorder({ client, clock, random, logger, meter, instance: options.replicaId });
  const writeSlots = new Slots(MAX_RESULT_WRITES);
  const deadLetters = new DeadLetters({
    client,
    sources,
    clock,
    random,
    logger,
    writeSlots,
    identity: OWN_IDENTITY,
    ownable: !fromFile,
    allNamespaces: !fromFile && options.namespaces.length === 0,
  });
  const statusOptions = { client, clock, random, logger };
  const services: Services = {
    client,
    sources,
    discovery,
    schemas: new OpenApi({ client, clock }),
    recorder,
    writeSlots,
    turns: new Turns({ clock }),
    createTarget: (spec, delivery, trigger) => targets.create(spec, delivery, principals.of(trigger)),
    status:
      options.triggersFile === undefined
        ? new TriggerStatusWriter(statusOptions)
        : new TriggerStatusLog({ logger, clock }),
    checkpoints: await openCheckpoints(options, client),
    deadLetters,
    meter,
    logger,
    clock,
    random,
    clusterId,
    identityOf: () => OWN_IDENTITY,
  };
  const controller = new TriggerController({
    services,
    from: options.triggersFile === undefined ? 'api' : 'file',
    namespaces: options.namespaces,
    callbacks: callbacks !== undefined,
  });
  const triggers = await follow(options, services, controller);
  const health = new StartupHealth(() => waitingFor(triggers, controller), stop);
  const admin = await startAdminServer({
    address: options.adminAddress,
    health,
    metrics: meter,
    clock,
    logger,
  });
  meter.set('leader_election_master_status', { name: 'statewire' }, 1);

  {
    using _atRest = releaseMemoryAtRest({ clock });
    await aborted(stop);
  }
  logger.info('stopping', { afterMs: options.gracePeriodMs });
  triggers.stop();
  await drained(controller, clock, options.gracePeriodMs);
  controller.stop();
  await Promise.all([services.status.flush(), recorder.stop(), deadLetters.stop(), sources.stop()]);
  await Promise.all([
    targets[Symbol.asyncDispose](),
    connection[Symbol.asyncDispose](),
    callbacks?.close(),
    admin.close(),
  ]);
  transport.close();
  logger.info('stopped');
}

/** Resolves when running calls have finished, or their time is over. No timer is left to keep the process up. */
async function drained(controller: TriggerController, clock: Clock, gracePeriodMs: number): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = clock.after(gracePeriodMs, over.resolve);
  await Promise.race([controller.drain(), over.promise]);
  timer.cancel();
}

function follow(
  options: ForwarderOptions,
  { sources, checkpoints, logger, clock }: Services,
  controller: TriggerController,
): Promise<TriggerSource> | TriggerSource {
  const { triggersFile, namespaces } = options;
  const sweep = (uids: Iterable<string>): void => {
    checkpoints
      .sweep(uids)
      .catch((error: unknown) =>
        logger.warn('old checkpoints cannot be removed', { error: messageOf(error) }),
      );
  };
  return triggersFile === undefined
    ? followApiTriggers({ sources, controller, namespaces, identity: OWN_IDENTITY, logger })
    : followTriggerFile({ path: triggersFile, complete: sweep, controller, clock, logger });
}

/** What must be read before this is ready: a kind that does not exist, or no trigger at all, does not block. */
function waitingFor(triggers: TriggerSource, controller: TriggerController): readonly string[] {
  return [...(triggers.synced ? [] : ['triggers']), ...(controller.settled ? [] : ['objects'])];
}

async function guardOf(
  options: ForwarderOptions,
  access: KubeAccess,
): Promise<ReturnType<typeof createAddressGuard>> {
  const file = options.targetPolicyFile;
  const text =
    file === undefined
      ? undefined
      : await readFile(file, 'utf8').catch((error: unknown) => {
          throw new ConfigError('CONFIG_INVALID', '--target-policy', messageOf(error));
        });
  const { hostname, port } = access.server;
  return createAddressGuard({
    inPod: access.kind === 'in-cluster',
    apiServers: [{ host: hostname, port: Number(port || 443) }],
    deniedCidrs: text === undefined ? [] : readTargetPolicy(text).deny,
  });
}

/** uid of namespace kube-system, which lives as long as the cluster. */
async function readClusterId(
  client: KubeClient,
  clock: Clock,
  logger: Logger,
  stop: AbortSignal,
): Promise<string> {
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 15_000)) {
    try {
      const { text } = await client.request({
        method: 'GET',
        path: '/api/v1/namespaces/kube-system',
        signal: stop,
      });
      return (JSON.parse(text) as { metadata: { uid: string } }).metadata.uid;
    } catch (error) {
      stop.throwIfAborted();
      if (error instanceof ApiError && error.code !== 'API_UNAVAILABLE' && error.code !== 'API_THROTTLED') {
        const why = `not given, and namespace kube-system cannot be read: ${error.message}`;
        throw new ConfigError('CONFIG_INVALID', '--cluster-id', why, { cause: error });
      }
      logger.warn('API server cannot be reached', { error: messageOf(error), afterMs: waitMs });
      await clock.sleep(waitMs, stop);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
