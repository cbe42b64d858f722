/**
 * Watches the history of one pipeline, and asserts of it what the forwarder promises: with each call that nothing
 * overlaps, goes back in time or is sent without cause, and in the end that nothing was missed.
 */
import assert from 'node:assert/strict';
import { digestOf } from '../../forwarder/filter/digest.ts';
import { type Recipe, recipeOf } from '../../forwarder/filter/recipe.ts';
import { compareResourceVersions } from '../../forwarder/model/delta.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { type Change, OBJECTS_PATH } from './model-cluster.ts';
import type { ModelCall } from './model-target.ts';
import { OWN_MANAGER, type PipelineWorld } from './pipeline-world.ts';

/** One life of an object. */
interface Life {
  readonly uid: string;
  readonly name: string;
  /** Writes of others, oldest first. */
  readonly changes: Change[];
  /** Our own. */
  readonly writes: Change[];
  readonly calls: ModelCall[];
  /** Newest resourceVersion that the watch has told. */
  toldVersion: string;
}

const FINALIZER = 'trigger.statewire.dev/app';
const EVERYTHING: Recipe = recipeOf({ kind: 'changes', classes: ['Spec', 'Status', 'Labels'] }, OWN_MANAGER);
const ONLY_SPEC: Recipe = recipeOf({ kind: 'changes', classes: ['Spec'] }, OWN_MANAGER);

export class PipelineChecker {
  readonly #world: PipelineWorld;
  readonly #lives = new Map<string, Life>();
  readonly #ids = new Map<string, ModelCall>();
  readonly #violations: unknown[] = [];
  /** What an id stands for, as long as what counts is not edited. */
  recipe: Recipe = ONLY_SPEC;
  /** Whether objects are held from the first call on. */
  holds = false;
  /** How often the trigger was edited. */
  edits = 0;

  constructor(world: PipelineWorld) {
    this.#world = world;
    world.cluster.listeners.add((change) => this.#note(() => this.#changed(change)));
    world.host.onCall = (call) => this.#note(() => this.#called(call));
    world.sources.onDelta = ({ type, head }) => {
      const life = this.#lives.get(head.uid);
      if (life !== undefined && type !== 'Deleted')
        life.toldVersion = newer(life.toldVersion, head.resourceVersion);
    };
  }

  /** Throws the first violation so far. */
  check(): void {
    const [violation] = this.#violations;
    if (violation !== undefined) throw violation;
  }

  /** What is thrown into the pipeline would be its own affair. */
  #note(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#violations.push(error);
    }
  }

  #changed(change: Change): void {
    if (change.collection !== OBJECTS_PATH) return;
    const { before, after, own } = change;
    const object = after ?? before;
    assert.ok(object !== undefined);
    const { uid, name } = object.metadata;
    const life = this.#lives.get(uid) ?? { uid, name, changes: [], writes: [], calls: [], toldVersion: '0' };
    this.#lives.set(uid, life);
    if (!own) {
      life.changes.push(change);
      return;
    }
    life.writes.push(change);
    if (isHeld(before) !== isHeld(after)) {
      if (isHeld(before)) this.#checkReleased(life);
      return;
    }
    const stated = (after?.['status'] as { readonly phase?: string } | undefined)?.phase;
    assert.equal(stated?.split('@')[0], uid, 'a status is written to the object that it was stated about');
  }

  /** A finalizer is removed: somebody has heard of the end. */
  #checkReleased(life: Life): void {
    if (!this.holds) return;
    const last = life.calls.at(-1);
    const ended = last?.type === 'deleted' && last.ok;
    assert.ok(ended, `${life.uid} is released after its deletion was handled; last call: ${last?.text}`);
  }

  #called(call: ModelCall): void {
    const { event, data } = call;
    const life = this.#lives.get(event.partitionkey);
    assert.ok(life !== undefined, 'the object was once there');
    for (const other of this.#lives.values()) {
      if (other.name !== life.name) continue;
      const busy = other.calls.find(({ open }) => open);
      assert.equal(busy?.text, undefined, `${call.text} does not overlap with another call for its name`);
      const older = [...this.#lives.keys()].indexOf(other.uid) < [...this.#lives.keys()].indexOf(life.uid);
      if (older && call.type !== 'deleted') this.#assertOver(other, call);
    }
    const before = life.calls.at(-1);
    // What an edited selector lets in again is listed as it was when it left.
    const isBack = before?.type === 'deleted' && this.edits > 0;
    assert.ok(
      isBack || before === undefined || event.sequence >= before.event.sequence,
      `${call.text}: ${event.sequence} after ${before?.event.sequence} is time travel`,
    );
    if (call.type !== 'deleted') this.#checkState(call, life);
    if (this.holds && call.type !== 'deleted') {
      const object = this.#world.cluster.object(life.name);
      assert.ok(
        object?.metadata.uid === life.uid && isHeld(object),
        `${life.uid} is held before ${call.text}`,
      );
    }
    assert.notEqual(
      data.reason === 'Watch' && this.#isRepeat(call, life),
      true,
      `${call.text} is sent without cause`,
    );
    life.calls.push(call);
  }

  /** That of an object that is gone the function has heard, or will not hear. */
  #assertOver(life: Life, call: ModelCall): void {
    const last = life.calls.at(-1);
    if (last === undefined) return;
    const isOver = (last.type === 'deleted' && last.ok) || this.#gaveUp(last);
    assert.ok(isOver, `${call.text} comes after the end of ${life.uid}, whose last call was ${last.text}`);
  }

  #checkState(call: ModelCall, life: Life): void {
    const { object } = call.data;
    const { resourceVersion } = object.metadata;
    const state = this.#sent(call);
    assert.deepEqual(object['spec'], state['spec']);
    assert.ok(
      compareResourceVersions(resourceVersion, life.toldVersion) >= 0,
      `${call.text} sends ${resourceVersion}, and ${life.toldVersion} is known`,
    );
    if (this.edits > 0) return;
    const first = this.#ids.get(call.event.id) ?? call;
    this.#ids.set(call.event.id, first);
    const digest = digestOf(state, this.recipe);
    // What our own writes took over is no other state.
    const isSame =
      digest === digestOf(this.#sent(first), this.recipe) || digest === this.#handled(first, life);
    assert.ok(isSame, `id ${call.event.id} stands for one state`);
  }

  /** The object with all its metadata. */
  #sent({ data }: ModelCall): KubeObject {
    const { uid, resourceVersion } = data.object.metadata;
    const state = this.#world.cluster.states.get(`${uid} ${resourceVersion}`);
    assert.ok(state, `${uid} ${resourceVersion} was a state`);
    return state;
  }

  /** Whether the function has handled that state, and nothing has happened since. */
  #isRepeat(call: ModelCall, life: Life): boolean {
    const last = life.calls.at(-1);
    if (last === undefined || !last.ok || this.#world.cluster.lost > 0) return false;
    if (last.type === 'deleted') return call.type === 'deleted';
    return call.type !== 'deleted' && !this.#hasCause(last, life, EVERYTHING);
  }

  /** Digest of the state that was sent, with what our own writes have taken over of it. */
  #handled(call: ModelCall, life: Life): string {
    const { resourceVersion: version } = call.data.object.metadata;
    return life.writes.reduce(
      (handled, { before, after, resourceVersion }) => {
        if (before === undefined || after === undefined) return handled;
        const isLater = compareResourceVersions(resourceVersion, version) > 0;
        return isLater && digestOf(before, this.recipe) === handled ? digestOf(after, this.recipe) : handled;
      },
      digestOf(this.#sent(call), this.recipe),
    );
  }

  /** Whether somebody else has changed what counts since the state that was sent. */
  #hasCause(since: ModelCall, life: Life, recipe: Recipe): boolean {
    const version = since.data.object.metadata.resourceVersion;
    return life.changes.some(
      ({ before, after, resourceVersion }) =>
        compareResourceVersions(resourceVersion, version) > 0 &&
        (before === undefined || after === undefined || digestOf(before, recipe) !== digestOf(after, recipe)),
    );
  }

  /** Whether that call was the last attempt. */
  #gaveUp({ event, endedMs, ok }: ModelCall): boolean {
    if (ok) return false;
    return this.#world.givenUp.some(({ uid, atMs }) => uid === event.partitionkey && atMs === endedMs);
  }

  /** To be asked when all has long been quiet. @param selects whether an object is in scope */
  checkEnd(selects: (object: KubeObject) => boolean): void {
    this.check();
    for (const life of this.#lives.values()) {
      const object = this.#world.cluster.object(life.name);
      const last = life.calls.at(-1);
      assert.ok(!last?.open, 'every call has ended');
      const isLeft =
        object?.metadata.uid === life.uid && isHeld(object) && last?.type === 'deleted' && last.ok;
      assert.ok(!isLeft, `${life.uid} is released after ${last?.text}`);
      if (object?.metadata.uid === life.uid && object.metadata.deletionTimestamp !== undefined) continue;
      if (object?.metadata.uid === life.uid && selects(object)) this.#checkLive(life, object, last);
      else if (last !== undefined) {
        assert.ok(
          (last.type === 'deleted' && last.ok) || this.#gaveUp(last),
          `the end of ${life.uid} is told; its last call was ${last.text}`,
        );
      }
      const failed = life.calls.filter(({ ok }) => !ok).length;
      const timed = life.calls.filter(({ data }) => data.reason !== 'Watch').length;
      // Where the answer to our write is lost, what it took over from somebody counts as a change.
      const { lost } = this.#world.cluster;
      const bound = life.changes.length + failed + timed + this.edits + lost;
      assert.ok(life.calls.length <= bound, `${life.uid}: ${life.calls.length} calls for ${bound} causes`);
    }
  }

  #checkLive(life: Life, object: KubeObject, last: ModelCall | undefined): void {
    assert.ok(last !== undefined, `${life.uid} was sent`);
    if (this.#gaveUp(last)) return;
    // A wish that failed ends where the object leaves the selection.
    const sent = life.calls.findLast(({ ok, data }) => ok || data.reason === 'Watch');
    assert.ok(sent?.ok && sent.type !== 'deleted', `${life.uid} was sent; its last call was ${last.text}`);
    assert.deepEqual(sent.data.object['spec'], object['spec'], `the last state of ${life.uid} was sent`);
    if (this.edits > 0) return;
    assert.equal(
      digestOf(object, this.recipe),
      this.#handled(sent, life),
      `what counts of ${life.uid} was sent`,
    );
  }
}

function newer(a: string, b: string): string {
  return compareResourceVersions(a, b) >= 0 ? a : b;
}

function isHeld(object: KubeObject | undefined): boolean {
  return object?.metadata.finalizers?.includes(FINALIZER) === true;
}
