import { FakeLambda } from '../support/fake-lambda.ts';
import { inProcess } from '../support/lambda-runner.ts';
import { echo, exits, hangs, hangsOnce, large, nothing, slow, throws } from '../fixtures/lambda/handlers.ts';
import { LAMBDA_FUNCTIONS, lambdaHostContract } from './lambda-host.contract.ts';

const handlers = { echo, exits, hangs, hangsOnce, large, nothing, slow, throws };

lambdaHostContract({
  name: 'the fake Invoke API with functions in this process',
  async start() {
    const fake = await FakeLambda.start();
    for (const name of LAMBDA_FUNCTIONS) {
      fake.add(name, {
        runner: inProcess(handlers[name]),
        timeoutMs: name.startsWith('hangs') ? 1000 : 3000,
        aliases: { live: '3' },
        ...(name === 'slow' && { reservedConcurrency: 1 }),
      });
    }
    return Object.assign(fake, { nameOf: (name: string) => name });
  },
  without: { exits: 'a function in this process would end the test' },
});
