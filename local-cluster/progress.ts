/** What a control plane tells while it is built and started, how long is left, and how that reads. */
import type { ArtifactName } from './components.ts';

export type ProgressEvent =
  | {
      /** `building` comes first and then every second; `built` once. */
      readonly kind: 'building' | 'built';
      readonly name: ArtifactName;
      /** From 1. */
      readonly index: number;
      readonly total: number;
      /** Since the first binary was begun. */
      readonly elapsedMs: number;
      /** Estimate for everything that is still to be built. */
      readonly leftMs: number;
      /** What all binaries of this build take on disk. */
      readonly diskBytes: number;
      /** What Go's own caches take beside that, at most. */
      readonly goCacheBytes: number;
      readonly folder: string;
    }
  /** Another process builds; this one waits for it. */
  | { readonly kind: 'waiting'; readonly pid: number; readonly folder: string; readonly elapsedMs: number }
  | { readonly kind: 'starting'; readonly component: string; readonly elapsedMs: number }
  | { readonly kind: 'ready'; readonly elapsedMs: number };

export type OnProgress = (event: ProgressEvent) => void;

export interface BuildSoFar {
  readonly done: readonly { readonly estimateMs: number; readonly tookMs: number }[];
  readonly current: { readonly estimateMs: number; readonly elapsedMs: number };
  /** Estimates of what comes after the current one. */
  readonly rest: readonly number[];
  readonly cores: number;
}

const MEASURED_CORES = 2;
/** A step that has outrun its estimate is said to need this share of its time so far again. */
const OVERRUN_SHARE = 0.1;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/**
 * Time left in milliseconds. Estimates were measured on two cores with an empty cache; what was built so far says how
 * this machine compares.
 */
export function estimateLeftMs({ done, current, rest, cores }: BuildSoFar): number {
  const expected = sum(done.map((step) => step.estimateMs));
  const took = sum(done.map((step) => step.tookMs));
  const pace = expected > 0 ? took / expected : MEASURED_CORES / Math.max(1, cores);
  const currentLeft = current.estimateMs * pace - current.elapsedMs;
  return Math.round(Math.max(currentLeft, current.elapsedMs * OVERRUN_SHARE) + sum(rest) * pace);
}

/** `1:05` for 65 seconds. */
function clockTime(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function roughly(ms: number): string {
  if (ms < 10_000) return 'a few seconds';
  return ms < 90_000 ? `about ${Math.ceil(ms / 10_000) * 10} s` : `about ${Math.round(ms / 60_000)} min`;
}

function size(bytes: number): string {
  return bytes < 1e9 ? `${Math.max(1, Math.round(bytes / 1e6))} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** One line for one event. */
export function progressLine(event: ProgressEvent): string {
  switch (event.kind) {
    case 'building': {
      const step = `building ${event.name} (${event.index} of ${event.total})`;
      const disk = `${size(event.diskBytes)} in ${event.folder}, up to ${size(event.goCacheBytes)} in Go's caches`;
      return `${step}, ${clockTime(event.elapsedMs)} elapsed, ${roughly(event.leftMs)} left; takes ${disk}`;
    }
    case 'built':
      return `built ${event.name} (${event.index} of ${event.total}), ${clockTime(event.elapsedMs)} elapsed`;
    case 'waiting':
      return `waiting for process ${event.pid}, which builds the control plane in ${event.folder}, ${clockTime(event.elapsedMs)} elapsed`;
    case 'starting':
      return `starting ${event.component}`;
    case 'ready':
      return `control plane ready after ${(event.elapsedMs / 1000).toFixed(1)} s`;
  }
}
