/**
 * A process's connections to the simulated API server, through the weather. Once cut off for good, as by a crash,
 * nothing comes back; what was on its way may still arrive.
 */
import { Readable } from 'node:stream';
import { ApiError } from '../../forwarder/lib/errors.ts';
import { errorFromAnswer, errorFromFailure } from '../../forwarder/kube/api-error.ts';
import type { StreamPort, StreamRequest } from '../../forwarder/kube/stream-port.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../../forwarder/model/kube-client.ts';
import type { SimulatedAnswer, SimulatedRequest } from '../../local-cluster/simulated/request.ts';
import type { Dice } from './dice.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { Weather } from './weather.ts';

export interface LinkOptions {
  readonly clock: VirtualClock;
  readonly dice: Dice;
  readonly weather: Weather;
  readonly handle: (request: SimulatedRequest) => SimulatedAnswer | Promise<SimulatedAnswer>;
  /** A request arrives, a write is done, or the answer is there. */
  readonly onStage: (stage: Stage) => void;
}

/** Of what goes out from a process: it arrives, is done, or the process knows of it. */
export type Stage = 'arrives' | 'done' | 'known';

const TIMEOUT_MS = 30_000;
/** Of one process in one moment: more of them are a round without an end, in which time stands still. */
const MAX_AT_ONCE = 50_000;
const BOOKMARK = '{"type":"BOOKMARK"';
/** Events of a watch that come once more, older ones than what came last. */
const MAX_REPLAYED = 5;

export class Link implements KubeClient, StreamPort {
  readonly #options: LinkOptions;
  readonly #bodies = new Set<Readable>();
  #isCut = false;
  #atMs = 0;
  #atOnce = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Watches that are open. */
  get watches(): number {
    return this.#bodies.size;
  }

  /** The process is no more. */
  sever(): void {
    this.#isCut = true;
    this.#bodies.clear();
  }

  /** Every watch ends: in order, or not. */
  cut(how: 'end' | 'reset'): void {
    for (const body of this.#bodies) {
      if (how === 'end') body.push(null);
      else body.destroy(failure('ECONNRESET'));
    }
  }

  request(request: KubeRequest): Promise<KubeResponse> {
    const { method, path, query = {}, body, contentType, signal, timeoutMs = TIMEOUT_MS } = request;
    const what = `${method} ${path}`;
    const headers = { 'content-type': contentType ?? 'application/json' };
    return this.#exchange({ method, path, query, headers, body }, signal, timeoutMs, what).then((answer) => {
      if (!('body' in answer)) throw new Error(`${what} is answered by a stream`);
      if (answer.status >= 300) throw answerError(what, answer);
      return { status: answer.status, text: answer.body };
    });
  }

  async open({ path, query, accept, headTimeoutMs, signal }: StreamRequest): Promise<Readable> {
    const what = `GET ${path}`;
    const headers = { accept: accept ?? 'application/json' };
    const answer = await this.#exchange({ method: 'GET', path, query, headers }, signal, headTimeoutMs, what);
    if ('body' in answer) {
      if (answer.status >= 300) throw answerError(what, answer);
      return this.#listBody(answer.body, signal);
    }
    return this.#watchBody(answer.stream, query['sendInitialEvents'] === 'true', signal);
  }

  /** Throws what nobody expects, so that the simulation ends with it. */
  #refuseRounds(what: string): void {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs !== this.#atMs) this.#atOnce = 0;
    this.#atMs = nowMs;
    if (++this.#atOnce > MAX_AT_ONCE)
      throw new Error(
        `${what} comes without end, ${Math.floor(nowMs / 3_600_000)} hours after its world began`,
      );
  }

  #exchange(
    request: SimulatedRequest,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    what: string,
  ): Promise<SimulatedAnswer> {
    this.#refuseRounds(what);
    const { clock, dice, weather, handle, onStage } = this.#options;
    const isWrite = request.method !== 'GET';
    return new Promise((resolve, reject) => {
      if (this.#isCut) return;
      let isOver = false;
      const finish = (act: () => void): void => {
        if (isOver || this.#isCut) return;
        isOver = true;
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const fail = (code: string): void => finish(() => reject(errorFromFailure(what, failure(code))));
      const onAbort = (): void => finish(() => reject(signal?.reason));
      const timer = clock.after(timeoutMs, () => fail('ETIMEDOUT'));
      if (signal?.aborted === true) {
        onAbort();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      const arrive = async (): Promise<void> => {
        if (this.#isCut && dice.chance(0.5)) return;
        if (weather.isSilent && dice.chance(0.7)) return;
        if (weather.isDown) {
          fail('ECONNREFUSED');
          return;
        }
        if (dice.chance(weather.refusing)) {
          this.#travel(() => finish(() => reject(this.#refusal(what))));
          return;
        }
        const wasCut = this.#isCut;
        onStage('arrives');
        if (this.#isCut && !wasCut) return;
        const answer = await handle(request);
        if (isWrite) onStage('done');
        if (weather.isSilent) return;
        const isLost = dice.chance(weather.losing);
        this.#travel(() => {
          if (isLost) fail('ECONNRESET');
          else
            finish(() => {
              onStage('known');
              resolve(answer);
            });
        });
      };
      this.#travel(() => void arrive());
    });
  }

  #travel(then: () => void): void {
    const { clock, dice, weather } = this.#options;
    const ms = weather.latencyMs === 0 ? 0 : dice.below(weather.latencyMs);
    if (ms === 0) then();
    else clock.after(ms, then);
  }

  #refusal(what: string): ApiError {
    const { dice } = this.#options;
    const isBusy = dice.chance(0.5);
    const status = isBusy ? 429 : 503;
    const retryAfter = isBusy || dice.chance(0.3) ? '1' : undefined;
    return errorFromAnswer(what, { status, retryAfter, text: '' });
  }

  #listBody(text: string, signal: AbortSignal): Readable {
    const { dice, weather } = this.#options;
    const body = new Readable({ read: () => undefined });
    body.on('error', () => undefined);
    const bytes = Buffer.from(text);
    if (dice.chance(weather.truncating)) {
      body.push(bytes.subarray(0, dice.below(bytes.length)));
      body.destroy(failure('ECONNRESET'));
    } else {
      body.push(bytes);
      body.push(null);
    }
    this.#endsWith(body, signal);
    return body;
  }

  #watchBody(source: Readable, listsFirst: boolean, signal: AbortSignal): Readable {
    const { dice, weather, clock } = this.#options;
    const body = new Readable({
      read: () => undefined,
      destroy: (error, done) => {
        this.#bodies.delete(body);
        source.destroy();
        done(error);
      },
    });
    body.on('error', () => undefined);
    this.#bodies.add(body);
    let isDead = false;
    /** What is there at first is all there is: only what happens later is ever withheld. */
    let isListing = listsFirst;
    let readyMs = 0;
    /** On their way: nothing overtakes them. */
    let pending = 0;
    const recent: Buffer[] = [];
    const later = (act: () => void): void => {
      if (isDead || this.#isCut || body.destroyed) return;
      // Half-open: what is silent now stays so.
      isDead = weather.isSilent;
      if (isDead) return;
      const nowMs = clock.monotonic();
      readyMs = Math.max(readyMs, nowMs + (weather.latencyMs === 0 ? 0 : dice.below(weather.latencyMs)));
      if (readyMs === nowMs && pending === 0) {
        act();
        return;
      }
      pending++;
      clock.after(readyMs - nowMs, () => {
        pending--;
        if (!body.destroyed && !isDead) act();
      });
    };
    source.on('data', (frame: Buffer) => {
      const isBookmark = frame.toString('latin1', 0, BOOKMARK.length) === BOOKMARK;
      if (isBookmark) isListing = false;
      if (!isBookmark && !isListing && dice.chance(weather.withholding)) return;
      later(() => {
        body.push(frame);
        if (!isListing && dice.chance(weather.doubling))
          for (const again of dice.chance(0.5) ? [...recent] : [frame]) body.push(again);
        if (isBookmark) return;
        recent.push(frame);
        if (recent.length > MAX_REPLAYED) recent.shift();
      });
    });
    source.once('end', () => later(() => body.push(null)));
    source.on('error', () => later(() => body.destroy(failure('ECONNRESET'))));
    this.#endsWith(body, signal);
    return body;
  }

  #endsWith(body: Readable, signal: AbortSignal): void {
    const onAbort = (): void => void body.destroy(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    body.once('close', () => signal.removeEventListener('abort', onAbort));
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function answerError(what: string, answer: Extract<SimulatedAnswer, { readonly body: string }>): ApiError {
  const { status, headers, body } = answer;
  return errorFromAnswer(what, { status, retryAfter: headers['retry-after'], text: body });
}
