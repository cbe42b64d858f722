/** A target that is away for ten minutes: nothing is used up, nothing is given up, and all that waited is sent after. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TargetError } from '../../../forwarder/lib/errors.ts';
import type { Answer } from '../../support/model-target.ts';
import { PipelineWorld } from '../../support/pipeline-world.ts';

const OBJECTS = 2000;
const MINUTE_MS = 60_000;
const TIMEOUT_MS = 10_000;
const CONCURRENCY = 10;

const failure = (
  code: ConstructorParameters<typeof TargetError>[0],
  options: ConstructorParameters<typeof TargetError>[2],
): Answer => new TargetError(code, 'away', options);

/** What each call comes to while the target is away; undefined: nothing, until its deadline. */
const OUTAGES: readonly { readonly title: string; readonly answer: Answer | undefined }[] = [
  {
    title: 'whose connections are refused',
    answer: failure('TARGET_UNREACHABLE', { blame: 'target', conclusive: true }),
  },
  { title: 'that answers 503', answer: failure('TARGET_UNAVAILABLE', { blame: 'target', minWaitMs: 1000 }) },
  { title: 'that answers 429', answer: failure('TARGET_THROTTLED', { blame: 'target', retryAfterMs: 5000 }) },
  { title: 'that answers 500 to everybody', answer: failure('TARGET_FAILED', { blame: 'delivery' }) },
  {
    title: 'that says of every object that it may be retried',
    answer: { error: { message: 'no database' } },
  },
  {
    title: 'that answers 404 to everybody',
    answer: failure('TARGET_NOT_FOUND', { blame: 'delivery', permanent: true, suspect: true }),
  },
  {
    title: 'that does not exist',
    answer: failure('TARGET_NOT_FOUND', { blame: 'target', conclusive: true }),
  },
  { title: 'that hangs', answer: undefined },
];

describe('A target', () => {
  for (const { title, answer } of OUTAGES) {
    it(`${title} for ten minutes makes no dead letter, uses no attempts, and gets all that waited`, async () => {
      const world = await PipelineWorld.start({
        spec: {
          delivery: {
            concurrency: CONCURRENCY,
            timeoutMs: TIMEOUT_MS,
            backoff: { initialMs: 1000, maxMs: 5 * MINUTE_MS },
          },
        },
        before: ({ host, cluster }) => {
          host.script = () => (answer === undefined ? undefined : [answer]);
          for (let n = 0; n < OBJECTS; n++) cluster.create(`web-${n}`);
        },
      });
      await world.pass(10 * MINUTE_MS);
      const away = world.calls.length;
      // Those in flight when the circuit opened, then one probe each 10 s.
      assert.ok(away <= CONCURRENCY + 66, `${away} calls while it was away`);
      assert.equal(world.counts?.pending, OBJECTS);
      assert.equal(world.counts.deadLettered, 0);
      assert.match(world.condition('TargetReachable') ?? '', /^False /);

      world.host.script = () => [{}];
      // The next probe is due, and may follow one that hangs.
      await world.pass(10_000 + TIMEOUT_MS);
      const after = world.calls.slice(away);
      assert.equal(after.length, OBJECTS);
      assert.deepEqual(
        after.filter(({ ok, event }) => !ok || event.statewireattempt !== '1').map(({ text }) => text),
        [],
      );
      // Two that were refused for good before the third showed whose failure it was; that was taken back.
      assert.ok(world.givenUp.length <= (title.includes('404') ? 2 : 0));
      assert.equal(world.letters.letters.size, 0);
      assert.equal(world.condition('TargetReachable'), 'True');
      await world.pass(60 * MINUTE_MS);
      assert.equal(world.calls.length, away + OBJECTS, 'each once');
    });
  }
});
