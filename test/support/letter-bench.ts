/** Dead letters of one trigger on an API server in memory, with everything written down. */
import type { LetterFailure, LetterSubject } from '../../forwarder/dead-letter/dead-letter.ts';
import { DeadLetters } from '../../forwarder/dead-letter/dead-letters.ts';
import type { LetterProblem } from '../../forwarder/dead-letter/letter-problem.ts';
import type { TriggerLetters } from '../../forwarder/dead-letter/trigger-letters.ts';
import { ApiError, type ApiErrorDetails } from '../../forwarder/lib/errors.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { Slots } from '../../forwarder/lib/slots.ts';
import type { TriggerIdentity } from '../../forwarder/model/trigger.ts';
import { LetterServer } from './letter-server.ts';
import { ManualClock } from './manual-clock.ts';

export const TRIGGER: TriggerIdentity = { namespace: 'shop', name: 'app', uid: 't-1', generation: 1 };

export class LetterBench {
  readonly clock: ManualClock = new ManualClock();
  readonly server: LetterServer;
  readonly warnings: unknown[] = [];
  readonly problems: (LetterProblem | undefined)[] = [];
  readonly replays: string[] = [];
  readonly stale: Set<string> = new Set();
  /** Whether replays can be seen to. */
  ready: boolean = true;
  lists: number = 0;
  readonly deadLetters: DeadLetters;
  readonly letters: TriggerLetters;

  constructor(server: LetterServer = new LetterServer(), trigger: TriggerIdentity = TRIGGER) {
    this.server = server;
    const { clock, warnings } = this;
    const logger = { ...silentLogger, warn: (_text: string, fields: unknown) => void warnings.push(fields) };
    this.deadLetters = new DeadLetters({
      client: server,
      sources: server,
      clock,
      random: () => 0.5,
      logger,
      writeSlots: new Slots(4),
      identity: 'forwarder',
      ownable: true,
      allNamespaces: false,
    });
    this.letters = this.open(trigger);
  }

  open(trigger: TriggerIdentity): TriggerLetters {
    return this.deadLetters.open(trigger, {
      replay: (uid, value) => {
        if (this.ready) this.replays.push(`${uid} ${value}`);
        return this.ready;
      },
      isStale: (uid) => this.stale.has(uid),
      listed: () => void (this.lists += 1),
      problem: (problem) => void this.problems.push(problem),
    });
  }

  put(name = 'one', rest: Partial<LetterFailure> = {}): void {
    const nowMs = this.clock.now();
    const error = { code: 'TARGET_FAILED', message: 'answered 500' };
    this.letters.put(subject(name), {
      eventType: 'Created',
      resourceVersion: '1',
      attempts: 1,
      error,
      firstFailedMs: nowMs,
      lastFailedMs: nowMs,
      ...rest,
    });
  }

  pass(ms = 0): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Requests since the last look, without names. */
  asked(): string[] {
    return this.server.requests.splice(0).map((line) => line.replace(/ app-[0-9a-f]{10}/, ' one'));
  }
}

export function subject(name: string): LetterSubject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    namespace: 'shop',
    name,
    uid: `uid-of-${name}`,
  };
}

export const apiRefusal = (
  code: ConstructorParameters<typeof ApiError>[0],
  details: ApiErrorDetails = {},
): ApiError => new ApiError(code, 'no', details);
