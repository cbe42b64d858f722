import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { FrameReader } from './frame-reader.ts';
import { pumpFrames } from './pump-frames.ts';

/** How a body ended: whole, with the connection lost in between, or because nothing came for too long. */
export type BodyEnd = 'closed' | 'lost' | 'idle';

/**
 * Reads a body through a reader, with a watchdog: when no byte comes for `idleMs` the socket is destroyed. Node and the
 * kernel notice nothing when the other side just falls silent.
 *
 * Rejects with what `onFrame` throws, and with the signal's reason when that fires.
 */
export async function readBody(options: {
  readonly body: Readable;
  readonly reader: FrameReader;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly idleMs: () => number;
  readonly onFrame: (frame: Buffer) => boolean;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}): Promise<BodyEnd> {
  const { body, clock, signal, idleMs } = options;
  let lastByteMs = clock.monotonic();
  let idle = false;
  let thrown: { readonly error: unknown } | undefined;
  const check = (): void => {
    const leftMs = lastByteMs + idleMs() - clock.monotonic();
    if (leftMs > 0) {
      timer = clock.after(leftMs, check);
      return;
    }
    idle = true;
    body.destroy();
  };
  let timer = clock.after(idleMs(), check);
  try {
    await pumpFrames({
      body,
      reader: options.reader,
      clock,
      onFrame(frame) {
        try {
          return options.onFrame(frame);
        } catch (error) {
          thrown = { error };
          throw error;
        }
      },
      onBytes(bytes) {
        lastByteMs = clock.monotonic();
        options.onBytes?.(bytes);
      },
    });
    return 'closed';
  } catch (error) {
    signal.throwIfAborted();
    if (thrown !== undefined) throw thrown.error;
    if (error instanceof ApiError) throw error;
    return idle ? 'idle' : 'lost';
  } finally {
    timer.cancel();
  }
}
