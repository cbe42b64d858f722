import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import type { FrameReader } from './frame-reader.ts';

/**
 * Objects handled in one turn of the event loop. Reading a flood without such a limit starves everything that has to
 * answer it: measured 17 times fewer completed deliveries.
 */
const FRAMES_PER_TURN = 8;

/**
 * Feeds a body through a reader and hands on each object, at most {@link FRAMES_PER_TURN} per turn of the event loop;
 * in between the socket is paused, so the sender is held back and at most one chunk is in memory.
 *
 * Resolves at the end of the body, or when `onFrame` answers false (the body is then destroyed); rejects when the body
 * fails, when it is destroyed with an error, or when `onFrame` throws.
 */
export function pumpFrames(options: {
  readonly body: Readable;
  readonly reader: FrameReader;
  readonly clock: Clock;
  readonly onFrame: (frame: Buffer) => boolean;
  /** Called for every chunk, before its objects. */
  readonly onBytes?: (bytes: number) => void;
}): Promise<void> {
  const { body, reader, clock, onFrame, onBytes } = options;
  return new Promise((resolve, reject) => {
    let settled = false;
    /** A turn that hands on more of the current chunk is due. */
    let due = false;
    /** How the body ended, while objects of its last chunk are still to be handed on. */
    let ending: (() => void) | undefined;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      body.destroy();
      act();
    };
    const end = (act: () => void): void => {
      ending ??= act;
      if (!due) settle(ending);
    };
    const pump = (): void => {
      due = false;
      if (settled) return;
      try {
        for (let frames = 0; frames < FRAMES_PER_TURN; frames++) {
          const frame = reader.next();
          if (frame === undefined) {
            if (ending === undefined) body.resume();
            else settle(ending);
            return;
          }
          if (!onFrame(frame)) {
            settle(resolve);
            return;
          }
          if (settled) return;
        }
      } catch (error) {
        settle(() => reject(error));
        return;
      }
      due = true;
      body.pause();
      clock.soon(pump);
    };
    body.on('data', (chunk: Buffer) => {
      if (settled) return;
      onBytes?.(chunk.length);
      reader.push(chunk);
      pump();
    });
    // A paused body whose last chunk has been read ends all the same.
    body.once('end', () => end(resolve));
    body.once('error', (error) => end(() => reject(error)));
    body.once('close', () => end(() => reject(new Error('connection lost'))));
  });
}
