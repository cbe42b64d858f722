/** Dead letters of a trigger on a real API server, and functions that earn them. */
import type { TestContext } from 'node:test';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { eventually } from './eventually.ts';
import { result, type Scene, type SceneOptions, type Stage } from './stage.ts';

export type DeadLetter = KubeObject & {
  readonly spec: {
    readonly trigger: string;
    readonly object: { readonly name: string; readonly uid: string };
  };
  readonly status?: {
    readonly attempts: number;
    readonly error: { readonly code: string; readonly message: string };
    readonly firstFailedAt: string;
    readonly lastFailedAt: string;
  };
};

export const REFUSAL: ReturnType<typeof result> = result({
  error: { message: 'bad spec', retryable: false },
});

export function letterPath({ bench }: Stage, name = ''): string {
  return `/apis/statewire.dev/v1alpha1/namespaces/${bench.namespace}/deadletters${name === '' ? '' : `/${name}`}`;
}

/** The letters of a trigger. */
export async function letters({ stage, name }: Scene): Promise<DeadLetter[]> {
  const { items } = await stage.api.call<{ readonly items: readonly DeadLetter[] }>('GET', letterPath(stage));
  return items.filter(({ spec }) => spec.trigger === `${stage.bench.namespace}/${name}`);
}

/** The letter of a widget, once its status is written. */
export function letterOf(scene: Scene, widget: string): Promise<DeadLetter> {
  return eventually(`a letter for ${widget}`, async () =>
    (await letters(scene)).find(({ spec, status }) => spec.object.name === widget && status !== undefined),
  );
}

export async function lettersGone(scene: Scene): Promise<void> {
  await eventually('no letter', async () => (await letters(scene)).length === 0);
}

export async function askReplay(stage: Stage, name: string, value = 'now'): Promise<void> {
  await stage.api.call('PATCH', letterPath(stage, name), {
    metadata: { annotations: { 'statewire.dev/replay': value } },
  });
}

/** A trigger whose function refuses everything, and one widget that was given up. */
export async function givenUp(
  t: TestContext,
  stage: Stage,
  options: SceneOptions = {},
): Promise<{ readonly scene: Scene; readonly letter: DeadLetter }> {
  const scene = await stage.scene(t, { answer: () => REFUSAL, ...options });
  await stage.create('one');
  return { scene, letter: await letterOf(scene, 'one') };
}
