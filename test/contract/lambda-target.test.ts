import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import { answer } from '../support/scripted-server.ts';
import { targetContract } from './target.contract.ts';

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

targetContract({
  name: 'Lambda target',
  targetAt(origin, clock) {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_LAMBDA: origin,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    const targets = lambdaTargets({ clock, guard, env: { AWS_REGION: 'eu-central-1' } });
    const target = targets.create(
      { type: 'lambda', functionName: 'application', invocationType: 'RequestResponse' },
      { reply: 'Result' },
    );
    return { ...target, [Symbol.asyncDispose]: async () => await targets[Symbol.asyncDispose]() };
  },
  without: { interimLimit: 'the SDK shows no interim answers, so the deadline is what ends a flood' },
  success: (body) => answer(200, { 'content-type': 'application/json' }, body),
});
