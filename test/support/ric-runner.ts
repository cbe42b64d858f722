/** Runs a function in execution environments as Lambda does: a free one is used again, else a new one is started. */
import type { LambdaRunner } from './lambda-runner.ts';
import { RicEnvironment, type RicFunction } from './ric-environment.ts';

export function withRic(definition: RicFunction): LambdaRunner {
  const all = new Set<RicEnvironment>();
  const idle: RicEnvironment[] = [];
  return {
    async run(payload, context) {
      const environment = idle.pop() ?? (await RicEnvironment.start(definition));
      all.add(environment);
      const result = await environment.run(payload, context);
      if (environment.usable) {
        idle.push(environment);
      } else {
        all.delete(environment);
        await environment[Symbol.asyncDispose]();
      }
      return result;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(all, (environment) => environment[Symbol.asyncDispose]()));
    },
  };
}
